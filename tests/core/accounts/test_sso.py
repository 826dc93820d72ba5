"""Single sign-on in core: who is let in by what the provider says, and who never is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from core import clock
from core.accounts.confirming import is_fresh
from core.accounts.identities import own_identity, unbind
from core.accounts.invitations import accept_invitation, invite, open_invitation, resend, reset, revoke
from core.accounts.operators import add_operator, disable, enable, list_operators, set_role
from core.accounts.roles import CurrentOperator, Role
from core.accounts.sessions import session_operator, start_session, start_ticket
from core.accounts.signing_in import change_password, find_candidate
from core.accounts.sso import (
    Returned,
    begin_confirm,
    begin_connect,
    begin_invitation,
    begin_sign_in,
    come_back,
    leave,
    may_leave,
)
from core.application import Application, use
from core.audit.record import PENDING, Record
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from core.settings import SingleSignOn
from core.storage.models import AuditEntry, ProviderVisit
from tests.core.accounts.conftest import PASSWORD, added

BROWSER = "the browser of the test"
SSO = SingleSignOn(
    name="Contoso",
    client_id="clickker",
    client_secret=SecretStr("secret"),
    metadata_url="https://id.contoso.test/.well-known/openid-configuration",
)


def with_settings(app: Application, **changes: object) -> Application:
    """The application of the test with other settings, in force."""
    changed = Application(
        app.settings.model_copy(update={"sso": SSO, **changes}), app.database, app.vault, app.exact
    )
    use(changed)
    return changed


@pytest.fixture
def sso(app: Application) -> Application:
    return with_settings(app)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Record]]:
    """What would be in the audit log."""
    records: list[Record] = []

    def keep(session: Any, event: Any, by: Any, **more: Any) -> None:
        records.append(
            Record(
                event,
                by,
                more.get("on", ""),
                more.get("outcome", "done"),
                more.get("detail", ""),
                more.get("address", ""),
            )
        )
        session.info.setdefault(PENDING, [])

    for module in (
        "core.accounts.sso",
        "core.accounts.identities",
        "core.accounts.confirming",
        "core.audit.record",
    ):
        monkeypatch.setattr(f"{module}.record", keep)
    yield records


def claims(subject: str = "alice-1", **other: object) -> dict[str, object]:
    """What a good ID token says."""
    moment = int(clock.now().timestamp())
    good = {"iss": "https://id.contoso.test", "sub": subject, "aud": "clickker", "iat": moment}
    return good | {"exp": moment + 3600, "auth_time": moment} | other


def visit(
    app: Application, said: dict[str, object] | None, by: CurrentOperator | None = None, state: str = "state"
) -> Returned:
    """The browser leaves and comes back."""
    assert leave(app, BROWSER, state)
    return come_back(app, BROWSER, state, said, by, address="198.51.100.7")


def sign_in(app: Application, said: dict[str, object] | None) -> Returned:
    begin_sign_in(app, BROWSER, "/registrations?status=attention")
    return visit(app, said)


def connected(app: Application, who: CurrentOperator, subject: str = "alice-1") -> CurrentOperator:
    """The operator, signed in with a password and bound."""
    here = signed_in(app, who)
    begin_connect(app, here, PASSWORD, BROWSER, "/account")
    assert visit(app, claims(subject), here) == Returned(None, "/account")
    return here


def signed_in(app: Application, who: CurrentOperator) -> CurrentOperator:
    cookie = start_session(app, start_ticket(app, who.id, "browser", "/"), "browser", "", "").cookie
    found = session_operator(app, cookie)
    assert found
    return found.operator


def invited(app: Application, email: str = "carol@clickker.test", role: Role = Role.SUPPORT) -> str:
    """The token of an invitation."""
    return invite(app, None, email, "Carol", role, "en").url.rsplit("/", 1)[1]


def test_an_invitation_binds_and_is_used_up(sso: Application, logged: list[Record]) -> None:
    token = invited(sso)
    begin_invitation(sso, BROWSER, token)
    returned = visit(sso, claims("carol-1"))
    (carol,) = list_operators(sso, None)
    assert returned == Returned(carol.id, "/")
    assert carol.account_created
    assert not carol.link_open
    with pytest.raises(NotFound, match="used already"):
        open_invitation(sso, token)
    assert sign_in(sso, claims("carol-1")) == Returned(carol.id, "/registrations?status=attention")
    assert [(entry.event.value, entry.outcome) for entry in logged] == [
        ("identity.bound", "done"),
        ("identity.used", "done"),
        ("identity.used", "done"),
    ]
    assert "https://id.contoso.test carol-1" in logged[0].detail


def test_a_stranger_is_refused_and_never_matched_by_mail(
    sso: Application, alice: CurrentOperator, logged: list[Record]
) -> None:
    with pytest.raises(NotAllowed, match="Nobody here is connected"):
        sign_in(
            sso, claims("mallory", email=alice.email, email_verified=True, preferred_username=alice.email)
        )
    assert [(entry.event.value, entry.outcome, entry.on) for entry in logged] == [
        ("sign_in", "refused", "sign_in")
    ]
    assert logged[0].address == "198.51.100.7"


def test_the_subject_counts_under_its_issuer_alone(sso: Application, alice: CurrentOperator) -> None:
    connected(sso, alice)
    assert sign_in(sso, claims()).operator_id == alice.id
    with pytest.raises(NotAllowed, match="Nobody here is connected"):
        sign_in(sso, claims(iss="https://other.test"))
    with pytest.raises(NotAllowed, match="Nobody here is connected"):
        sign_in(sso, claims("ALICE-1"))


@pytest.mark.parametrize(
    "other",
    [
        {"aud": "another app"},
        {"aud": "another app", "azp": "clickker"},
        {"aud": ["clickker", "another app"], "azp": "clickker"},
        {"aud": ["clickker"], "azp": "another app"},
        {"aud": None},
        {"aud": []},
        {"exp": 1},
        {"exp": None},
        {"exp": "9999999999"},
        {"iss": ""},
        {"iss": None},
        {"iss": "x" * 256},
        {"sub": ""},
        {"sub": None},
        {"sub": ["alice-1"]},
        {"sub": "alice-1\x00"},
        {"sub": "alice-1\n"},
        {"sub": "älice"},
        {"sub": "x" * 256},
    ],
)
def test_a_token_that_is_not_for_us_lets_nobody_in(
    sso: Application, alice: CurrentOperator, other: dict[str, object]
) -> None:
    connected(sso, alice)
    with pytest.raises(NotAllowed, match="not for us"):
        sign_in(sso, claims() | other)
    assert sign_in(sso, claims(aud=["clickker"], azp="clickker")).operator_id == alice.id


def test_an_answer_is_taken_once_by_the_browser_that_left(sso: Application, alice: CurrentOperator) -> None:
    connected(sso, alice)
    begin_sign_in(sso, BROWSER, "/")
    assert may_leave(sso, BROWSER)
    assert not may_leave(sso, "another browser")
    assert not leave(sso, "another browser", "state")
    assert leave(sso, BROWSER, "state")
    assert not leave(sso, BROWSER, "another state")
    for browser, state in (("another browser", "state"), (BROWSER, "another state"), ("", ""), (BROWSER, "")):
        with pytest.raises(NotAllowed, match="expired"):
            come_back(sso, browser, state, claims(), None)
    assert come_back(sso, BROWSER, "state", claims(), None).operator_id == alice.id
    with pytest.raises(NotAllowed, match="expired"):
        come_back(sso, BROWSER, "state", claims(), None)


def test_nobody_comes_back_without_having_left(sso: Application, alice: CurrentOperator) -> None:
    connected(sso, alice)
    begin_sign_in(sso, BROWSER, "/")
    for state in ("", "state"):
        with pytest.raises(NotAllowed, match="expired"):
            come_back(sso, BROWSER, state, claims(), None)


def test_a_visit_lasts_ten_minutes(sso: Application, alice: CurrentOperator) -> None:
    connected(sso, alice)
    begin_sign_in(sso, BROWSER, "/")
    assert leave(sso, BROWSER, "state")
    with clock.shifted(timedelta(minutes=10, seconds=1)):
        with pytest.raises(NotAllowed, match="expired"):
            come_back(sso, BROWSER, "state", claims(), None)
        begin_sign_in(sso, "another browser", "/")
    with sso.database.read() as session:
        assert len(session.scalars(select(ProviderVisit)).all()) == 1


def test_a_refusal_at_the_provider_ends_the_visit(sso: Application, alice: CurrentOperator) -> None:
    connected(sso, alice)
    with pytest.raises(NotAllowed, match="Contoso did not succeed"):
        sign_in(sso, None)
    with pytest.raises(NotAllowed, match="expired"):
        come_back(sso, BROWSER, "state", claims(), None)


def test_the_disabled_stay_out(sso: Application, alice: CurrentOperator, admin: CurrentOperator) -> None:
    connected(sso, alice)
    disable(sso, admin, alice.id)
    with pytest.raises(NotAllowed, match="disabled"):
        sign_in(sso, claims())
    enable(sso, admin, alice.id)
    assert sign_in(sso, claims()).operator_id == alice.id


def test_an_identity_has_one_operator(
    sso: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    connected(sso, alice)
    here = signed_in(sso, admin)
    begin_connect(sso, here, PASSWORD, BROWSER, "/account")
    with pytest.raises(Conflict, match="another operator"):
        visit(sso, claims(), here)
    token = invited(sso)
    begin_invitation(sso, BROWSER, token)
    with pytest.raises(Conflict, match="another operator"):
        visit(sso, claims())
    assert open_invitation(sso, token).purpose == "invite"
    assert sign_in(sso, claims()).operator_id == alice.id


def test_an_invitation_that_ended_meanwhile_binds_nobody(sso: Application) -> None:
    token = invited(sso)
    begin_invitation(sso, BROWSER, token)
    (carol,) = list_operators(sso, None)
    revoke(sso, None, carol.id)
    with pytest.raises(NotFound, match="withdrawn"):
        visit(sso, claims("carol-1"))
    with pytest.raises(NotFound, match="withdrawn"):
        begin_invitation(sso, BROWSER, token)
    assert not list_operators(sso, None)[0].account_created


def test_connecting_takes_the_password_and_the_same_session(
    sso: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    here = signed_in(sso, alice)
    with pytest.raises(InvalidInput):
        begin_connect(sso, here, "not the password", BROWSER, "/account")
    assert not may_leave(sso, BROWSER)
    for other in (None, signed_in(sso, alice), signed_in(sso, admin)):
        begin_connect(sso, here, PASSWORD, BROWSER, "/account")
        with pytest.raises(NotAllowed, match="signed out meanwhile"):
            visit(sso, claims(), other)
    assert own_identity(sso, here) is None


def test_disconnecting_takes_the_password_and_leaves_a_way_in(
    sso: Application, alice: CurrentOperator, logged: list[Record]
) -> None:
    here = connected(sso, alice)
    with pytest.raises(InvalidInput):
        unbind(sso, here, "not the password")
    unbind(sso, here, PASSWORD)
    assert own_identity(sso, here) is None
    assert [entry.event.value for entry in logged] == [
        "identity.bound",
        "confirmation.failed",  # the wrong password
        "identity.unbound",
    ]
    with pytest.raises(NotAllowed, match="Nobody here is connected"):
        sign_in(sso, claims())


def test_the_last_way_in_stays(sso: Application, alice: CurrentOperator) -> None:
    begin_invitation(sso, BROWSER, invited(sso))
    visit(sso, claims("carol-1"))
    carol = CurrentOperator(
        next(o.id for o in list_operators(sso, None) if o.name == "Carol"),
        "carol@clickker.test",
        "Carol",
        Role.SUPPORT,
    )
    with pytest.raises(Conflict, match="only way in"):
        unbind(sso, carol, "")
    here = connected(sso, alice)
    off = with_settings(sso, passwords="off")
    with pytest.raises(Conflict, match="only way in"):
        unbind(off, here, PASSWORD)


def test_an_admin_with_an_identity_alone_is_an_admin(sso: Application) -> None:
    begin_invitation(sso, BROWSER, invited(sso, role=Role.ADMIN))
    visit(sso, claims("carol-1"))
    carol = CurrentOperator(list_operators(sso, None)[0].id, "carol@clickker.test", "Carol", Role.ADMIN)
    with pytest.raises(Conflict, match="last admin"):
        set_role(sso, carol, carol.id, Role.SUPPORT)
    anna = added(sso, "Anna", Role.ADMIN)
    disable(sso, anna, carol.id)
    enable(sso, anna, carol.id)
    disable(sso, carol, anna.id)


def test_an_admin_whose_password_is_off_is_no_admin_to_rely_on(
    app: Application, alice: CurrentOperator
) -> None:
    first, _second = added(app, "Anna", Role.ADMIN), added(app, "Bram", Role.ADMIN)
    off = with_settings(app, passwords="off", break_glass=first.email)
    with pytest.raises(Conflict, match="last admin"):
        disable(off, first, first.id)


def test_the_identity_of_one_admin_is_no_way_in_for_another(sso: Application) -> None:
    anna, _bram = added(sso, "Anna", Role.ADMIN), added(sso, "Bram", Role.ADMIN)
    here = connected(sso, anna)
    off = with_settings(sso, passwords="off")
    with pytest.raises(Conflict, match="last admin"):
        disable(off, here, anna.id)


def test_a_link_of_an_account_that_has_an_identity_makes_it_anew(
    sso: Application, admin: CurrentOperator
) -> None:
    begin_invitation(sso, BROWSER, invited(sso))
    returned = visit(sso, claims("carol-1"))
    carol = returned.operator_id or 0
    with pytest.raises(Conflict, match="created already"):
        resend(sso, admin, carol)
    cookie = start_session(sso, start_ticket(sso, carol, BROWSER, "/"), BROWSER, "", "").cookie
    begin_invitation(sso, BROWSER, reset(sso, admin, carol).url.rsplit("/", 1)[1])
    assert visit(sso, claims("carol-2")).operator_id == carol
    assert session_operator(sso, cookie) is None
    with pytest.raises(NotAllowed, match="Nobody here is connected"):
        sign_in(sso, claims("carol-1"))


# --- Fresh confirmation ----------------------------------------------------------------------------------


def confirm(app: Application, here: CurrentOperator, said: dict[str, object]) -> Returned:
    begin_confirm(app, here, BROWSER, "/registration?id=7")
    return visit(app, said, here)


def test_the_provider_confirms_who_is_there(sso: Application, alice: CurrentOperator) -> None:
    here = connected(sso, alice)
    assert not is_fresh(sso, here)
    assert confirm(sso, here, claims(auth_time=int(clock.now().timestamp()) - 60)) == Returned(
        None, "/registration?id=7"
    )
    assert is_fresh(sso, here)
    assert not is_fresh(sso, signed_in(sso, alice))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sub": "bob-1"}, "another Contoso account"),
        ({"auth_time": None}, "does not say when"),
        ({"auth_time": True}, "does not say when"),
        ({"auth_time": "now"}, "does not say when"),
        ({"auth_time": -121}, "did not ask for your password just now"),
        ({"auth_time": 120}, "did not ask for your password just now"),
        ({"aud": "another app"}, "not for us"),
    ],
)
def test_anything_else_confirms_nothing(
    sso: Application, alice: CurrentOperator, logged: list[Record], change: dict[str, object], said: str
) -> None:
    here = connected(sso, alice)
    moment = change.get("auth_time")
    if isinstance(moment, int) and not isinstance(moment, bool):
        change = {"auth_time": int(clock.now().timestamp()) + moment}
    with pytest.raises(NotAllowed, match=said):
        confirm(sso, here, claims() | change)
    assert not is_fresh(sso, here)
    assert [(entry.event.value, entry.outcome) for entry in logged][-1:] == [
        ("confirmation.failed", "refused")
    ]


def test_another_session_is_not_confirmed(sso: Application, alice: CurrentOperator) -> None:
    here = connected(sso, alice)
    other = signed_in(sso, alice)
    begin_confirm(sso, here, BROWSER, "/")
    with pytest.raises(NotAllowed, match="signed out meanwhile"):
        visit(sso, claims(), other)
    assert not is_fresh(sso, here)
    assert not is_fresh(sso, other)


# --- Passwords switched off ------------------------------------------------------------------------------


@pytest.fixture
def off(app: Application, alice: CurrentOperator, admin: CurrentOperator) -> Application:
    """Passwords count for Anna alone."""
    return with_settings(app, passwords="off", break_glass="Anna@clickker.test, other@clickker.test")


def test_a_password_is_nobodys_but_a_break_glass_accounts(
    off: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    assert find_candidate(off, alice.email, "", None).operator_id is None
    assert find_candidate(off, " ANNA@clickker.test", "", None).operator_id == admin.id
    with pytest.raises(NotAllowed, match="switched off"):
        change_password(off, alice, PASSWORD, "an eel in the coffee")
    change_password(off, admin, PASSWORD, "an eel in the coffee")


def test_no_password_is_chosen_while_they_are_off(
    off: Application, alice: CurrentOperator, admin: CurrentOperator
) -> None:
    token = invited(off)
    with pytest.raises(NotAllowed, match="switched off"):
        accept_invitation(off, token, "an eel in the coffee")
    with pytest.raises(Conflict, match="switched off"):
        add_operator(off, "dave@clickker.test", "Dave", Role.SUPPORT, PASSWORD)
    link = reset(off, admin, alice.id).url.rsplit("/", 1)[1]
    assert open_invitation(off, link).purpose == "invite"
    with pytest.raises(NotAllowed, match="switched off"):
        accept_invitation(off, link, "an eel in the coffee")
    begin_invitation(off, BROWSER, link)
    assert visit(off, claims()).operator_id == alice.id
    emergency = reset(off, admin, admin.id).url.rsplit("/", 1)[1]
    assert open_invitation(off, emergency).purpose == "reset"
    accept_invitation(off, emergency, "an eel in the coffee")


def test_whoever_declines_again_and_again_does_not_fill_the_log(sso: Application) -> None:
    def told() -> int:
        with sso.database.read() as session:
            return session.scalar(select(func.count()).select_from(AuditEntry)) or 0

    before = told()
    for _time in range(50):
        with pytest.raises(NotAllowed):
            sign_in(sso, None)
    assert told() - before == 1
