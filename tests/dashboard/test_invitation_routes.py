"""The page behind an invitation: who, a password twice, and a clear word on everything that goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from httpx import Response
from starlette.testclient import TestClient

from core import clock
from core.accounts.invitations import invite, reset, revoke
from core.accounts.passwords import verify_password
from core.accounts.roles import CurrentOperator, Role
from core.accounts.signing_in import find_candidate
from core.application import Application
from dashboard.routes_invitation import PER_MINUTE

CHOSEN = "an eel in the coffee"
OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def path(app: Application, make_account: Callable[..., CurrentOperator]) -> str:
    """The path of an invitation for Bob."""
    make_account("Anna", Role.ADMIN)
    link = invite(app, None, "bob@clickker.test", "Bob <b>de Boer</b>", Role.SUPPORT, "en")
    return link.url.removeprefix(app.settings.public_url)


def csrf(text: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found
    return found[1]


def post(
    visitor: TestClient, path: str, password: str = CHOSEN, again: str | None = None, **headers: str
) -> Response:
    token = csrf(visitor.get(path).text)
    form = {"csrf": token, "password": password, "again": password if again is None else again}
    answer: Response = visitor.post(path, data=form, headers=OURS | headers)
    return answer


def works(app: Application, password: str) -> bool:
    candidate = find_candidate(app, "bob@clickker.test", "", None)
    return candidate.operator_id is not None and verify_password(password, candidate.password_hash)


def test_it_says_who_is_invited_and_harms_nobody(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 200
    assert "Bob &lt;b&gt;de Boer&lt;/b&gt;" in answer.text
    assert "bob@clickker.test" in answer.text
    assert "Create your account" in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_password_makes_the_account(visitor: TestClient, app: Application, path: str) -> None:
    answer = post(visitor, path)
    assert "Your account is ready" in answer.text
    assert 'href="/"' in answer.text
    assert works(app, CHOSEN)


def test_a_browser_that_hides_the_origin_for_no_referrer_gets_through(
    visitor: TestClient, app: Application, path: str
) -> None:
    assert post(visitor, path, origin="null").status_code == 200
    assert works(app, CHOSEN)


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("herring", None, "at least 12"),
        (CHOSEN, "an eel in the tea", "not the same"),
        (CHOSEN + " ", None, "end with a space"),
        ("é" * 40, None, "too long"),
        ("passwordpassword", None, "often guessed"),
        ("", None, "at least 12"),
    ],
)
def test_a_password_that_will_not_do_is_asked_again(
    visitor: TestClient, path: str, password: str, again: str | None, said: str
) -> None:
    answer = post(visitor, path, password, again)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'role="alert"' in answer.text
    assert "bob@clickker.test" in answer.text
    assert not password or password not in answer.text
    assert post(visitor, path).status_code == 200


def test_a_post_from_elsewhere_changes_nothing(visitor: TestClient, app: Application, path: str) -> None:
    token = csrf(visitor.get(path).text)
    form = {"csrf": token, "password": CHOSEN, "again": CHOSEN}
    refused = [
        visitor.post(path, data=form, headers={"sec-fetch-site": "cross-site"}),
        visitor.post(path, data=form, headers={"origin": "https://evil.example"}),
        visitor.post(path, data=form | {"csrf": "guessed"}, headers=OURS),
        visitor.post(path, data={"password": CHOSEN, "again": CHOSEN}, headers=OURS),
        visitor.post(path, content=b"\xff\xfe", headers=OURS),
        visitor.post(path, content=b"a=" + b"x" * 9_000, headers=OURS),
    ]
    visitor.cookies.clear()
    refused.append(visitor.post(path, data=form, headers=OURS))
    assert {answer.status_code for answer in refused} == {403}
    assert not works(app, CHOSEN)


def test_used_expired_withdrawn_and_unknown_links_say_which(
    visitor: TestClient, app: Application, path: str
) -> None:
    unknown = visitor.get("/invitation/unknown")
    assert (unknown.status_code, "not known here" in unknown.text) == (404, True)
    with clock.shifted(timedelta(days=8)):
        assert "has expired" in visitor.get(path).text
        assert "has expired" in visitor.post(path, headers=OURS).text
    post(visitor, path)
    assert "used already" in visitor.get(path).text
    bob = find_candidate(app, "bob@clickker.test", "", None).operator_id or 0
    again = reset(app, None, bob).url.removeprefix(app.settings.public_url)
    revoke(app, None, bob)
    assert "withdrawn" in visitor.get(again).text


def test_a_reset_link_says_what_it_does(visitor: TestClient, app: Application, path: str) -> None:
    post(visitor, path)
    bob = find_candidate(app, "bob@clickker.test", "", None).operator_id or 0
    again = reset(app, None, bob).url.removeprefix(app.settings.public_url)
    assert "Choose a new password" in visitor.get(again).text
    assert "Your password has been changed" in post(visitor, again, "another herring here").text
    assert works(app, "another herring here")


def test_knocking_without_end_is_stopped(visitor: TestClient) -> None:
    answers = [visitor.get(f"/invitation/{number}").status_code for number in range(PER_MINUTE + 5)]
    assert answers[:PER_MINUTE] == [404] * PER_MINUTE
    assert 429 in answers


def test_it_speaks_the_language_of_the_invited(visitor: TestClient, path: str) -> None:
    assert 'lang="en"' in visitor.get(path, headers={"accept-language": "nl"}).text
    assert 'lang="nl"' in visitor.get("/invitation/unknown", headers={"accept-language": "nl"}).text
