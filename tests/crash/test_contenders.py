"""Sixty-four who want the same token at the same moment spend it once."""

from __future__ import annotations

from tests.crash.scene import REFRESHING, Scene

PROCESSES, THREADS = 8, 8


def test_sixty_four_in_eight_processes_spend_a_token_once(scene: Scene) -> None:
    grant_id = scene.connected()
    before = scene.spends()
    # Long enough that all have come before the first is served.
    scene.simulator.engine.add_fault("delay", endpoint="token", seconds=1)
    contenders = [scene.start("rotate", grant=grant_id, threads=THREADS) for _number in range(PROCESSES)]

    tokens = [token for contender in contenders for token in contender.result()]

    assert len(tokens) == PROCESSES * THREADS
    assert len(set(tokens)) == 1
    assert scene.spends() - before == 1
    assert scene.refresh_is_whole(grant_id)


def test_of_sixty_four_who_have_never_seen_the_journal_all_find_it_whole(scene: Scene) -> None:
    """Eight processes make the slots and the archive at once, each for a token of its own."""
    journal = f"{scene.app.settings.journal_dir}-new"
    grants = [scene.connected(scene.crowd(number)) for number in range(PROCESSES)]
    settings = scene.settings(journal_dir=journal)
    contenders = [scene.start("rotate", grant=grant, threads=THREADS, settings=settings) for grant in grants]
    for contender in contenders:
        assert len(set(contender.result())) == 1
    with scene.over_journal(journal) as app:
        assert {grant_id for grant_id, _child in app.journal.archive.newest_after("", 100)} == set(grants)
        assert list(app.journal.slots.left_behind()) == []


def test_contenders_who_lose_one_of_them_still_spend_a_token_once(scene: Scene) -> None:
    """The one that spends dies with the answer in its slot; the others find it there."""
    grant_id = scene.connected()
    before = scene.spends()
    first = scene.start("rotate", grant=grant_id, points=[12])
    first.wait_for("at")
    others = [scene.start("rotate", grant=grant_id, threads=THREADS) for _number in range(2)]
    for other in others:
        other.wait_for("started")
    first.kill()
    scene.start("recover").result()
    assert {token for other in others for token in other.result()} == {scene.digest(grant_id)}
    assert scene.spends() - before == 1
    assert scene.live(REFRESHING) == {scene.held(grant_id)}
