"""A link makes an account or a new password: once, for seven days, known to nobody who reads the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.invitations import accept_invitation, invite, open_invitation, resend, reset, revoke
from core.accounts.operators import disable, list_operators
from core.accounts.passwords import verify_password
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import session_operator, start_session, start_ticket
from core.accounts.signing_in import find_candidate
from core.application import Application
from core.errors import ClickkerError, Conflict, InvalidInput, NotAllowed, NotFound
from core.storage.models import Invitation
from tests.core.accounts.conftest import PASSWORD, added

CHOSEN = "an eel in the coffee"


def token(url: str) -> str:
    return url.rsplit("/", 1)[1]


@pytest.fixture
def invited(app: Application, admin: CurrentOperator) -> str:
    """The token of a link for Bob."""
    return token(invite(app, admin, " Bob@Clickker.test ", "Bob  de Boer", Role.SUPPORT, "nl").url)


def can_sign_in(app: Application, email: str, password: str) -> bool:
    candidate = find_candidate(app, email, "", None)
    right = verify_password(password, candidate.password_hash)
    return right and candidate.operator_id is not None


def test_an_invited_operator_chooses_a_password_and_signs_in(app: Application, invited: str) -> None:
    view = open_invitation(app, invited)
    assert (view.purpose, view.name, view.email, view.language) == (
        "invite",
        "Bob de Boer",
        "bob@clickker.test",
        "nl",
    )
    assert not can_sign_in(app, view.email, CHOSEN)
    accept_invitation(app, invited, CHOSEN)
    assert can_sign_in(app, view.email, CHOSEN)


def test_the_link_is_on_our_own_address_and_only_its_hash_is_kept(
    app: Application, admin: CurrentOperator
) -> None:
    link = invite(app, admin, "bob@clickker.test", "Bob", Role.SUPPORT)
    assert link.url.startswith("http://localhost:8501/invitation/")
    with app.database.read() as session:
        row = session.scalars(select(Invitation)).one()
    assert token(link.url) not in str(vars(row))
    assert token(link.url) not in repr(link)


def test_a_used_link_says_so(app: Application, invited: str) -> None:
    accept_invitation(app, invited, CHOSEN)
    with pytest.raises(NotFound, match="used already"):
        accept_invitation(app, invited, "another herring again")
    assert can_sign_in(app, "bob@clickker.test", CHOSEN)


def test_of_eight_that_use_a_link_at_once_one_wins(app: Application, invited: str) -> None:
    def use(number: int) -> bool:
        try:
            accept_invitation(app, invited, f"{number} eels in the coffee")
        except ClickkerError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(use, range(8)))
    assert won.count(True) == 1
    assert can_sign_in(app, "bob@clickker.test", f"{won.index(True)} eels in the coffee")


def test_a_link_lapses_after_seven_days(app: Application, invited: str) -> None:
    with clock.shifted(timedelta(days=6, hours=23)):
        assert open_invitation(app, invited)
    with clock.shifted(timedelta(days=7)), pytest.raises(NotFound, match="expired"):
        accept_invitation(app, invited, CHOSEN)


def test_a_new_link_puts_the_earlier_one_out_of_use(
    app: Application, admin: CurrentOperator, invited: str
) -> None:
    (bob,) = [o for o in list_operators(app, admin) if o.name == "Bob de Boer"]
    again = token(resend(app, admin, bob.id).url)
    with pytest.raises(NotFound, match="withdrawn"):
        open_invitation(app, invited)
    accept_invitation(app, again, CHOSEN)
    with pytest.raises(Conflict, match="reset link"):
        resend(app, admin, bob.id)


def test_a_withdrawn_link_and_one_of_a_disabled_account_say_so(
    app: Application, admin: CurrentOperator, invited: str
) -> None:
    (bob,) = [o for o in list_operators(app, admin) if o.name == "Bob de Boer"]
    assert bob.link_open
    revoke(app, admin, bob.id)
    with pytest.raises(NotFound, match="withdrawn"):
        open_invitation(app, invited)
    fresh = token(resend(app, admin, bob.id).url)
    disable(app, admin, bob.id)
    with pytest.raises(NotFound, match="disabled"):
        open_invitation(app, fresh)
    with pytest.raises(Conflict, match="disabled"):
        reset(app, admin, bob.id)


@pytest.mark.parametrize("odd", ["", "unknown", "é☃\x00", "x" * 100_000])
def test_an_unknown_link_is_not_known(app: Application, odd: str) -> None:
    with pytest.raises(NotFound, match="not known"):
        open_invitation(app, odd)


def test_a_weak_password_leaves_the_link_as_it_was(app: Application, invited: str) -> None:
    with pytest.raises(InvalidInput):
        accept_invitation(app, invited, "bob de boer 1")
    accept_invitation(app, invited, CHOSEN)


def test_a_reset_changes_the_password_and_ends_every_session(
    app: Application, alice: CurrentOperator
) -> None:
    cookie = start_session(app, start_ticket(app, alice.id, "b", "/"), "b", "", "").cookie
    link = token(reset(app, None, alice.id).url)
    assert can_sign_in(app, alice.email, PASSWORD)
    accept_invitation(app, link, CHOSEN)
    assert session_operator(app, cookie) is None
    assert not can_sign_in(app, alice.email, PASSWORD)
    assert can_sign_in(app, alice.email, CHOSEN)


def test_one_address_is_one_operator(app: Application, admin: CurrentOperator, invited: str) -> None:
    with pytest.raises(Conflict):
        invite(app, admin, "BOB@clickker.test", "Another Bob", Role.SUPPORT)


def test_of_two_admins_who_invite_the_same_person_at_once_one_is_told(app: Application) -> None:
    together = Barrier(4)

    def ask(number: int) -> bool:
        together.wait(10)
        try:
            invite(app, None, "bob@clickker.test", f"Bob {number}", Role.SUPPORT)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))).count(True) == 1
    assert len(list_operators(app, None)) == 1


@pytest.mark.parametrize(
    "email", ["", "bob", "bob@", "@x.nl", "a b@x.nl", "b@x", "b@x.nl\n", "b" * 250 + "@x.nl"]
)
def test_an_odd_address_is_refused(app: Application, email: str) -> None:
    if email.endswith("\n"):  # trimmed, and fine
        assert invite(app, None, email, "Bob", Role.SUPPORT)
        return
    with pytest.raises(InvalidInput, match="not an e-mail address"):
        invite(app, None, email, "Bob", Role.SUPPORT)


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "Bob\u202egnp.exe", "Bob\x1b[31m"])
def test_an_odd_name_is_refused(app: Application, name: str) -> None:
    with pytest.raises(InvalidInput):
        invite(app, None, "bob@clickker.test", name, Role.SUPPORT)


def test_only_admins_make_links(app: Application, alice: CurrentOperator) -> None:
    manager = added(app, "Mark", Role.ACCOUNT_MANAGER)
    for by in (alice, manager):
        with pytest.raises(NotAllowed):
            invite(app, by, "bob@clickker.test", "Bob", Role.ADMIN)
        for action in (resend, reset, revoke):
            with pytest.raises(NotAllowed):
                action(app, by, alice.id)
