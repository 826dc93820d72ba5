"""The browser's return from Exact: guard clauses first, then the code is exchanged, once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import clock
from core.application import Application
from core.errors import NotFound, SettingsError
from core.exact.errors import ExactError
from core.exact.rows import Me
from core.registrations import link_claims
from core.registrations.administrations import read_from_exact
from core.registrations.facts import is_unchanged
from core.registrations.grants import release_grant, unidentified
from core.registrations.locking import lock_login
from core.registrations.noting import is_told, note_consent, note_turned_away
from core.registrations.outcomes import EXCHANGING, OF_FAILURES, ConsentResult, Outcome, answer_of
from core.registrations.owners import ask_whose
from core.registrations.returning import meant, refusal, refusal_of_link
from core.registrations.scope import find
from core.registrations.settle import settle
from core.registrations.takeover import AGAIN, attach, await_decision, leave_to_others
from core.registrations.timeline import CUSTOMER, EXACT, write
from core.storage.models import Consent, Grant, Operator, Registration, new_uuid
from core.tokens.records import Spend
from core.tokens.secrets import hash_token
from core.tokens.spending import exchange_code

log = logging.getLogger(__name__)
_STATE_LENGTH = 200


class _LetGo(Exception):
    """The registration was disconnected, or the link withdrawn, while Exact answered."""


@dataclass(frozen=True)
class _Return:
    """A return that was accepted: its attempt has been used up."""

    consent_id: str
    registration_id: int
    environment: str
    actor: str
    customer: bool
    address: str
    code: str = field(repr=False)
    verifier: str = field(repr=False)


def complete_consent(
    app: Application,
    query: Sequence[tuple[str, str]],
    browser_token: str | None,
    session_operator_id: int | None,
    address: str = "",
) -> ConsentResult:
    """Take the answer that Exact sent along with the browser.

    ``query`` is the address's parameters, decoded once, in order and with doubles. The attempt is used up before
    the code is handed in, so the same return fifty times makes one token call. Never raises for what came in.
    ``address`` is where the browser is, for the audit log.
    """
    accepted = _accept(app, query, browser_token, session_operator_id, address)
    if isinstance(accepted, ConsentResult):
        return accepted
    spend = Spend(
        accepted.environment,
        grant_id=new_uuid(),
        registration_id=accepted.registration_id,
        consent_id=accepted.consent_id,
    )
    try:
        pair = exchange_code(
            app, spend, accepted.code, accepted.verifier, partial(await_decision, app, spend)
        )
    except ExactError as error:
        return _fail(app, accepted, OF_FAILURES.get(error.kind, Outcome.TOKEN_ERROR))
    except SettingsError:
        log.exception("The code of a consent could not be handed in.")
        return _fail(app, accepted, Outcome.OUR_ERROR)
    candidate_id = spend.grant_id
    try:
        outcome = _take_over(app, accepted, candidate_id, pair.access_token)
    except (NotFound, _LetGo):
        return _forget(app, accepted, candidate_id)
    unchanged = outcome is Outcome.GRANTED and is_unchanged(app, accepted.registration_id)
    return ConsentResult(outcome, accepted.registration_id, accepted.customer, unchanged)


def _accept(
    app: Application,
    query: Sequence[tuple[str, str]],
    browser_token: str | None,
    operator_id: int | None,
    address: str,
) -> ConsentResult | _Return:
    if any(count > 1 for count in Counter(name for name, _value in query).values()):
        return ConsentResult(Outcome.DOUBLED_PARAMETER)
    given = dict(query)
    state = given.get("state", "")
    unsaid = not state and "error" in given and bool(browser_token)
    if len(state) > _STATE_LENGTH or not (state or unsaid):
        return ConsentResult(Outcome.UNKNOWN_STATE)
    with app.database.transaction() as session:
        if unsaid:
            return _without_state(app, session, given, (browser_token, operator_id), address)
        consent = session.scalar(select(Consent).where(Consent.state_hash == hash_token(state)))
        if consent is None:
            return ConsentResult(Outcome.UNKNOWN_STATE)
        outcome = refusal(session, consent, browser_token, operator_id)
        customer, about = consent.link_id is not None, ""  # no name for a browser that did not leave for it
        if outcome is not None:
            note_turned_away(session, consent, outcome, operator_id, address)
        else:
            row = session.get(Registration, consent.registration_id, with_for_update=True)  # first of all
            outcome = _use_up(session, consent, given, address)
            about = row.name if row else ""
            if row is not None and outcome is not None:
                settle(session, app.settings, row, clock.now())  # how it ended leads the page
        if outcome is not None:
            return ConsentResult(outcome, consent.registration_id, customer, about=about)
        return _Return(
            consent_id=consent.id,
            registration_id=consent.registration_id,
            environment=consent.environment,
            actor=_actor(session, consent),
            customer=customer,
            address=address,
            code=given["code"],
            verifier=app.vault.decrypt(
                consent.verifier or b"", table="consents", column="verifier", row=consent.id
            ),
        )


def _without_state(
    app: Application,
    session: Session,
    given: dict[str, str],
    who: tuple[str | None, int | None],
    address: str,
) -> ConsentResult:
    """Exact says what went wrong, and not with which attempt: the browser that left for Exact knows its own."""
    outcome = answer_of(given) or Outcome.PROVIDER_ERROR
    found = meant(session, *who, outcome)
    if found is None:
        return ConsentResult(Outcome.UNKNOWN_STATE)
    consent, about = found.attempts[0], ", ".join(found.names)
    customer = consent.link_id is not None
    if len({one.registration_id for one in found.attempts}) > 1:
        return ConsentResult(Outcome.UNKNOWN_STATE, customer=customer, about=about)
    if found.is_new:
        consent.outcome = outcome
        _write_failure(session, consent, outcome)
        note_consent(session, consent, outcome, address)
        settle(session, app.settings, find(session, consent.registration_id), clock.now())
    return ConsentResult(outcome, consent.registration_id, customer, about=about)


def _claim_link(session: Session, consent: Consent) -> bool:
    claimed = link_claims.claim(session, consent.link_id or 0, clock.now())
    return claimed or refusal_of_link(session, consent) is None


def _use_up(session: Session, consent: Consent, given: dict[str, str], address: str) -> Outcome | None:
    """Close the attempt; the outcome when it ends here, None when there is a code to hand in."""
    outcome = answer_of(given)
    taken = session.execute(
        update(Consent)
        .where(Consent.id == consent.id, Consent.used_at.is_(None))
        .values(used_at=clock.now(), outcome=outcome or EXCHANGING)
        .returning(Consent.id)
        .execution_options(synchronize_session=False)
    ).first()
    if taken is None:
        return Outcome.REUSED_STATE
    if outcome is not None:
        _write_failure(session, consent, outcome)
    elif consent.link_id is not None and not _claim_link(session, consent):
        outcome = refusal_of_link(session, consent) or Outcome.LINK_USED
        consent.outcome = outcome
    if outcome is not None:
        note_consent(session, consent, outcome, address)
    return outcome


def _take_over(app: Application, accepted: _Return, candidate_id: str, token: str) -> Outcome:
    try:
        with app.database.read() as session:
            candidate = session.get(Grant, candidate_id)
        if candidate is None:
            raise _LetGo
        me = ask_whose(app, candidate, registration_id=accepted.registration_id, token=token)
    except ExactError:
        return _keep_unidentified(app, accepted, candidate_id)
    try:
        outcome = _attach(app, accepted, candidate_id, me)
    except (NotFound, _LetGo):
        leave_to_others(app, candidate_id, me)
        raise
    if outcome is Outcome.GRANTED:
        # A failure here loses nothing: the keeper looks again soon.
        read_from_exact(app, accepted.registration_id, accepted.actor)
    return outcome


@AGAIN
def _attach(app: Application, accepted: _Return, candidate_id: str, me: Me) -> Outcome:
    with app.database.transaction() as session:
        candidate = lock_login(session, candidate_id, me.user_id, accepted.registration_id)
        registration = find(session, accepted.registration_id)
        _close(session, registration, accepted, Outcome.GRANTED)
        if candidate is None:  # the keeper has asked meanwhile
            attached = registration.candidate_grant_id is None
        else:
            attached = attach(session, app, registration, candidate, me, actor=accepted.actor)
        outcome = Outcome.GRANTED if attached else Outcome.NEEDS_DECISION
        _note(session, accepted, outcome)
    return outcome


def _keep_unidentified(app: Application, accepted: _Return, candidate_id: str) -> Outcome:
    with app.database.transaction() as session:
        registration = find(session, accepted.registration_id)
        waits = unidentified(session, candidate_id) is not None  # unless the keeper has asked meanwhile
        outcome = Outcome.UNIDENTIFIED if waits else Outcome.GRANTED
        _close(session, registration, accepted, outcome)
        settle(session, app.settings, registration, clock.now())
        _note(session, accepted, outcome)
    return outcome


def _forget(app: Application, accepted: _Return, candidate_id: str) -> ConsentResult:
    """The registration was deleted, disconnected or moved to another country meanwhile: nobody may hold its tokens."""
    with app.database.transaction() as session:
        release_grant(session, app, candidate_id)
        row = session.get(Registration, accepted.registration_id)
        moved = row is not None and row.environment != accepted.environment
        outcome = Outcome.OTHER_COUNTRY if moved else Outcome.WITHDRAWN
        _note(session, accepted, outcome)
    return ConsentResult(outcome, row.id if row else None, accepted.customer)


def _fail(app: Application, accepted: _Return, outcome: Outcome) -> ConsentResult:
    try:
        with app.database.transaction() as session:
            row = find(session, accepted.registration_id)
            link_claims.give_back(session, accepted.consent_id)
            session.execute(update(Consent).where(Consent.id == accepted.consent_id).values(outcome=outcome))
            _write_failure(session, session.get_one(Consent, accepted.consent_id), outcome)
            settle(session, app.settings, row, clock.now())
            _note(session, accepted, outcome)
    except NotFound:
        return ConsentResult(Outcome.WITHDRAWN, None, accepted.customer)
    return ConsentResult(outcome, accepted.registration_id, accepted.customer, about=row.name)


def _note(session: Session, accepted: _Return, outcome: Outcome) -> None:
    consent = session.get(Consent, accepted.consent_id)
    if consent is not None:
        note_consent(session, consent, outcome, accepted.address)


def _close(session: Session, registration: Registration, accepted: _Return, outcome: Outcome) -> None:
    """Note how the attempt ended. Raises ``_LetGo`` when somebody has ended it already."""
    consent = session.get_one(Consent, accepted.consent_id)
    if consent.outcome == Outcome.WITHDRAWN or registration.environment != accepted.environment:
        raise _LetGo
    consent.outcome = outcome
    consent.verifier = None


def _write_failure(session: Session, consent: Consent, outcome: Outcome) -> None:
    if is_told(session, consent):
        write(session, consent.registration_id, _actor(session, consent), "consent_failed", outcome=outcome)


def _actor(session: Session, consent: Consent) -> str:
    if consent.link_id is not None:
        return CUSTOMER
    operator = session.get(Operator, consent.operator_id) if consent.operator_id else None
    return operator.name if operator else EXACT
