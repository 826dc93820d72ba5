"""What the token address says in the middle of a check is the connection's failure, and no check has succeeded then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core.registrations.status import Status
from core.simulator.answers import Answer
from core.simulator.api import ApiRequest
from core.simulator.data import Directory, demo_directory
from core.storage.models import Administration, Registration
from tests.factories import make_operator
from tests.support.connecting import TEST_USER, connect
from tests.support.crowds import Crowd
from tests.support.worlds import World, world

FIRST, SECOND = 1001001, 1001002
INVALID_CLIENT: dict[str, object] = {"status": 400, "body": '{"error":"invalid_client"}'}


@pytest.fixture
def one(tmp_path: Path, database_url: str) -> Iterator[Crowd]:
    """One customer with two administrations, connected half an hour ago."""
    demo = demo_directory()
    only = Directory(tuple(user for user in demo.users if user.name == TEST_USER), demo.divisions)
    with world(tmp_path, database_url, only) as made:
        made.wait_for(10)
        alice = make_operator(made.app.database)
        number = connect(made.app, alice, made, codes={FIRST, SECOND})
        made.advance(1800)
        yield Crowd(made, alice, {number: TEST_USER})


def row(world: World, number: int) -> Registration:
    with world.app.database.read() as session:
        return session.get_one(Registration, number)


def administrations(world: World) -> list[Administration]:
    with world.app.database.read() as session:
        linked = select(Administration).where(Administration.linked).order_by(Administration.code)
        return list(session.scalars(linked))


Between = Callable[[Callable[[str], bool], Callable[[], None]], None]


@pytest.fixture
def between(one: Crowd, monkeypatch: pytest.MonkeyPatch) -> Between:
    """The first answer to such an address takes Exact ten minutes, in which the access token ends and more happens."""
    world = one.world
    real, done = world.engine.api, list[bool]()

    def set_up(after: Callable[[str], bool], act: Callable[[], None]) -> None:
        def slow(request: ApiRequest) -> Answer:
            answer = real(request)
            if not done and after(f"{request.path}?{request.query}"):
                done.append(True)
                world.advance(601)
                act()
            return answer

        monkeypatch.setattr(world.engine, "api", slow)

    return set_up


def is_probe(address: str) -> bool:
    return "Code+eq" in address or "Code%20eq" in address


def is_list(address: str) -> bool:
    return "system/Divisions" in address and not is_probe(address)


@pytest.mark.parametrize("after", [is_probe, is_list], ids=["between two administrations", "after the list"])
@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        ("invalid_grant", "refused", Status.ATTENTION),
        ("custom", "client", Status.ATTENTION),
        ("rate_limited", "rate_limited", Status.ATTENTION),
        ("false_400", "bad_request", Status.ATTENTION),
        ("unavailable", "outage", Status.EXACT_OUTAGE),
    ],
)
def test_what_befalls_the_token_is_no_administrations_failure_and_no_success(  # noqa: PLR0917 - a fixture, a table
    one: Crowd,
    between: Between,
    after: Callable[[str], bool],
    fault: str,
    kind: str,
    status: Status,
) -> None:
    [number], world = one.numbers, one.world
    before = row(world, number).last_success_at
    details = INVALID_CLIENT if fault == "custom" else {}
    between(after, lambda: world.engine.add_fault(fault, None, endpoint="token", **details))
    one.check(number)
    found = row(world, number)
    assert (found.last_failure_kind, found.status) == (kind, status)
    assert found.last_success_at == before
    assert [each.last_failure_kind for each in administrations(world)] == [None, None]


def test_a_token_that_is_only_too_young_is_no_failure_at_all(one: Crowd, between: Between) -> None:
    [number], world = one.numbers, one.world
    before = row(world, number)
    between(is_probe, lambda: world.engine.add_fault("too_early", None, endpoint="token"))
    one.check(number)
    found = row(world, number)
    assert (found.last_failure_kind, found.status) == (None, Status.CONNECTED)
    assert found.last_success_at == before.last_success_at
    assert [each.last_failure_kind for each in administrations(world)] == [None, None]
    assert found.next_check_at is not None
    assert found.next_check_at > world.now()


def test_a_key_that_is_refused_because_the_consent_is_withdrawn_is_called_that(one: Crowd) -> None:
    """The key lives by its own clock, so it is shown; then its successor is refused."""
    [number], world = one.numbers, one.world
    one.check(number)
    world.advance(580)
    one.withdraw(number)
    one.check(number)
    assert row(world, number).last_failure_kind == "refused"
