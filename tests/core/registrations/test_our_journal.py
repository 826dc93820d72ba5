"""A journal that cannot be written is our own trouble: everybody is told so, and Exact is blamed for nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from core.alarms import delivery
from core.application import Application
from core.exact.errors import ExactError
from core.keeping.keeper import Keeper
from core.registrations.callback import complete_consent
from core.registrations.checks import check_now
from core.registrations.consent import begin_consent, create_consent
from core.registrations.outcomes import ConsentResult, Outcome
from core.registrations.register import register
from core.registrations.views import RegistrationForm
from tests.support.crowds import HOUR, Crowd, crowd
from tests.support.receivers import Hook, web_hook

DAY = 24 * HOUR


@pytest.fixture(autouse=True)
def _support_reads_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "DEFAULT_LANGUAGE", "en")


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_hook() as running:
        yield running


@pytest.fixture
def people(tmp_path: Path, database_url: str, hook: Hook) -> Iterator[Crowd]:
    with crowd(tmp_path, database_url, 4, hook.address()) as made:
        yield made


def break_journal(app: Application) -> None:
    """A file stands where its folder was: nobody, root included, can write into that."""
    shutil.move(app.journal.folder, f"{app.journal.folder}.away")
    app.journal.folder.write_bytes(b"")


def mend_journal(app: Application) -> None:
    app.journal.folder.unlink()
    shutil.move(f"{app.journal.folder}.away", app.journal.folder)


def told(hook: Hook) -> list[str]:
    return [title for title in hook.titles if title == "Our journal cannot be written"]


def test_everybody_is_told_that_it_is_ours_and_support_once(people: Crowd, hook: Hook) -> None:
    break_journal(people.world.app)
    people.world.advance(DAY)
    people.live(1)
    assert people.statuses(*people.numbers) == {"attention"}
    for number in people.numbers:
        assert "went wrong on our side" in people.view(number).status_sentence
        assert "admin" in people.view(number).status_sentence
    assert people.incidents() == []
    assert people.alarms() == ["journal_fails"]
    assert len(told(hook)) == 1
    assert "disk" in hook.received[0]["message"]


def test_it_passes_when_it_is_mended_and_is_told_again_only_then(people: Crowd, hook: Hook) -> None:
    app = people.world.app
    break_journal(app)
    people.world.advance(DAY)
    people.live(1)
    mend_journal(app)
    people.live(4)
    assert people.statuses(*people.numbers) == {"connected"}
    people.world.advance(DAY)
    break_journal(app)
    people.live(1)
    assert people.statuses(*people.numbers) == {"attention"}
    people.live(0.5)
    assert len(told(hook)) == 2
    mend_journal(app)


def test_a_restart_in_the_middle_of_it_tells_nothing_anew(people: Crowd) -> None:
    app = people.world.app
    break_journal(app)
    people.world.advance(DAY)
    Keeper(app).turn()
    restarted = Application(app.settings, app.database, app.vault, app.exact)
    with pytest.raises(ExactError, match="journal on this server cannot be written"):
        check_now(restarted, people.alice, people.numbers[0])
    assert people.alarms().count("journal_fails") == 1
    mend_journal(app)
    check_now(Application(app.settings, app.database, app.vault, app.exact), people.alice, people.numbers[0])
    people.world.advance(DAY)
    break_journal(app)
    Keeper(app).turn()
    assert people.alarms().count("journal_fails") == 2
    mend_journal(app)


def consent(people: Crowd) -> ConsentResult:
    """A new customer comes back from Exact with a code."""
    app, user = people.world.app, people.world.engine.users("nl")[0].name
    number = register(app, people.alice, None, RegistrationForm(name="Nieuw B.V.", environment="nl"))
    begun = begin_consent(app, people.alice, create_consent(app, people.alice, number))
    [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
    answer = [("code", people.world.engine.grant_code("nl", user)), ("state", state)]
    return complete_consent(app, answer, begun.browser_token, people.alice.id)


def test_a_consent_that_we_could_not_take_is_not_blamed_on_exact(people: Crowd) -> None:
    break_journal(people.world.app)
    result = consent(people)
    assert result.outcome is Outcome.OUR_ERROR
    assert "on our side" in result.title
    assert "did not answer" not in result.sentence
    assert "admin" in result.who
    assert people.alarms() == ["journal_fails"]
    mend_journal(people.world.app)


def test_a_setting_that_is_missing_when_the_code_comes_is_ours_too(people: Crowd) -> None:
    app = people.world.app
    refused = app.settings.exact["nl"].model_copy(update={"base_url": "http://exact.example"})
    good = app.settings.exact["nl"]
    user = people.world.engine.users("nl")[0].name
    number = register(app, people.alice, None, RegistrationForm(name="Nieuw B.V.", environment="nl"))
    begun = begin_consent(app, people.alice, create_consent(app, people.alice, number))
    [state] = parse_qs(urlsplit(begun.authorize_url).query)["state"]
    answer = [("code", people.world.engine.grant_code("nl", user)), ("state", state)]
    app.settings.exact["nl"] = refused
    try:
        assert (
            complete_consent(app, answer, begun.browser_token, people.alice.id).outcome is Outcome.OUR_ERROR
        )
    finally:
        app.settings.exact["nl"] = good
