"""No two choices read alike, however people are called."""

from __future__ import annotations

import pytest

from core.accounts.operators import Person
from core.accounts.roles import ROLES, role_name
from core.audit.event_words import ACTORS, EVENTS, OUTCOMES
from core.exact.environments import ENVIRONMENTS, environment_name
from core.i18n import LANGUAGES, _, language
from core.registrations.status import Status
from core.registrations.wording import status_word
from dashboard.people_choices import told_apart, with_unknown

JAN = Person(1, "Jan", "jan1@x.nl", True)


def test_one_of_a_name_is_called_by_it_alone() -> None:
    assert told_apart([JAN, Person(2, "Piet", "piet@x.nl", True)]) == {1: "Jan", 2: "Piet"}


@pytest.mark.parametrize(
    ("others", "labels"),
    [
        ([Person(2, "Jan", "jan2@x.nl", True)], ["Jan (jan1@x.nl)", "Jan (jan2@x.nl)"]),
        ([Person(2, "JAN", "jan2@x.nl", True)], ["Jan (jan1@x.nl)", "JAN (jan2@x.nl)"]),
        ([Person(2, "Jan", "jan2@x.nl", False)], ["Jan (jan1@x.nl)", "Jan (jan2@x.nl) (disabled)"]),
        ([Person(2, "Piet", "piet@x.nl", False)], ["Jan", "Piet (disabled)"]),
        (
            [Person(2, "Piet", "piet@x.nl", False), Person(3, "Piet (disabled)", "odd@x.nl", True)],
            ["Jan", "Piet (disabled)", "Piet (disabled) (3)"],
        ),
        ([Person(2, "All owners", "odd@x.nl", True)], ["Jan", "All owners (odd@x.nl)"]),
    ],
)
def test_people_are_told_apart(others: list[Person], labels: list[str]) -> None:
    made = told_apart([JAN, *others], ["All owners"])

    assert list(made.values()) == labels
    assert list(made) == [1, *(one.id for one in others)]


def test_what_is_gone_is_marked_and_what_is_there_is_not() -> None:
    assert with_unknown({"nl": "Netherlands"}, "nl") == {"nl": "Netherlands"}
    assert with_unknown({"nl": "Netherlands"}, "xx") == {"nl": "Netherlands", "xx": "xx (gone)"}
    assert with_unknown({"nl": "Netherlands"}, None) == {"nl": "Netherlands"}


@pytest.mark.parametrize("code", list(LANGUAGES))
def test_no_two_words_to_choose_from_are_alike(code: str) -> None:
    with language(code):
        lists = (
            [status_word(status) for status in Status],
            [environment_name(each) for each in ENVIRONMENTS],
            [role_name(role) for role in ROLES],
            [_(word) for word in EVENTS.values()],
            [_(word) for word in OUTCOMES.values()],
            [_(word) for word in ACTORS.values()],
        )
    for words in lists:
        assert len(set(words)) == len(words)
