"""Addresses come from the settings; one that is no good stops the start, and is not repeated."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import SecretStr

from core.alarms.addresses import Audience, audiences, owner_address, support_address
from core.alarms.outbox import AlarmKind
from core.doctor import Verdict, examine
from core.settings import Settings
from core.starting import reasons_not_to_serve


def sentences(settings: Settings, **values: object) -> list[str]:
    given = {name: SecretStr(value) if isinstance(value, str) else value for name, value in values.items()}
    return [said for said in reasons_not_to_serve(settings.model_copy(update=given)) if "ALARM" in said]


def test_good_addresses_are_no_reason_not_to_start(settings: Settings) -> None:
    said = sentences(
        settings,
        alarm_support="json://localhost/hook mailtos://u:p@mail.example.com?to=support@example.com",
        alarm_owner="mailtos://u:p@mail.example.com?to={email}",
        alarm_to={"recovered": "both"},
    )
    assert said == []
    assert sentences(settings) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "alarm_support",
            "json://localhost canary://canary-word@host",
            "Address 2 in CLICKKER_ALARM_SUPPORT",
        ),
        ("alarm_support", "slack://canary-word/x", "Address 1 in CLICKKER_ALARM_SUPPORT"),
        ("alarm_owner", "mailtos://u:canary-word@mail.example.com", "must hold {email}"),
        ("alarm_owner", "canary://canary-word?to={email}", "CLICKKER_ALARM_OWNER is not an address"),
        ("alarm_to", {"recoverd": "both"}, "names “recoverd”"),
    ],
)
def test_an_address_that_is_no_good_is_named_and_not_repeated(
    settings: Settings, name: str, value: object, said: str
) -> None:
    [sentence] = sentences(settings, **{name: value})
    assert said in sentence
    assert "canary" not in sentence


def test_doctor_names_it_too(settings: Settings) -> None:
    wrong = settings.model_copy(update={"alarm_support": SecretStr("nonsense")})
    said = [finding for finding in examine(wrong) if "CLICKKER_ALARM_SUPPORT" in finding.sentence]
    assert [finding.verdict for finding in said] == [Verdict.WRONG]


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKKER_ALARM_TO__RECOVERED", "both")
    monkeypatch.setenv("CLICKKER_ALARM_SUPPORT", " json://one \n json://two ")
    settings = Settings()

    assert audiences(settings, AlarmKind.RECOVERED) == {Audience.OWNER, Audience.SUPPORT}
    assert audiences(settings, AlarmKind.INCIDENT_OPENED) == {Audience.SUPPORT}
    assert [support_address(settings, number) for number in (0, 1, 2, 3)] == [
        "",
        "json://one",
        "json://two",
        "",
    ]
    assert "json://" not in repr(settings)


def test_an_owners_address_cannot_add_to_the_template(settings: Settings) -> None:
    given = settings.model_copy(update={"alarm_owner": SecretStr("mailto://host?to={email}&from=x@y.nl")})
    assert (
        owner_address(given, "a&bcc=m@example.com")
        == "mailto://host?to=a%26bcc%3Dm%40example.com&from=x@y.nl"
    )


def test_apprise_is_loaded_when_it_is_needed_and_not_before() -> None:
    code = "import sys, dashboard.cli, core.alarms.trying; sys.exit('apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
