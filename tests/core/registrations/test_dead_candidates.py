"""Another login waits for a decision, and withdraws: nobody is led to take it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import Conflict
from core.registrations.callback import complete_consent
from core.registrations.consent import begin_consent, create_consent
from core.registrations.decisions import accept_candidate, reject_candidate
from core.registrations.outcomes import Outcome
from tests.support.crowds import Crowd, crowd


@pytest.fixture
def people(tmp_path: Path, database_url: str) -> Iterator[Crowd]:
    with crowd(tmp_path, database_url, 2) as made:
        yield made


def test_a_login_that_has_withdrawn_meanwhile_cannot_be_taken(people: Crowd) -> None:
    first, second = people.numbers
    app, by, engine = people.world.app, people.alice, people.world.engine
    begun = begin_consent(app, by, create_consent(app, by, first))
    state = begun.authorize_url.partition("state=")[2].partition("&")[0]
    query = [("code", engine.grant_code("nl", people.users[second])), ("state", state)]
    assert complete_consent(app, query, begun.browser_token, by.id).outcome is Outcome.NEEDS_DECISION

    people.withdraw(second)
    people.live(33, minutes=60)
    with pytest.raises(Conflict, match="no longer accepts this consent"):
        accept_candidate(app, by, first)
    assert people.view(first).candidate is not None
    reject_candidate(app, by, first)
    assert people.statuses(first) == {"connected"}
