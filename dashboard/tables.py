"""Figures in the shape that charts take; the one place where pandas is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

from core.i18n import _
from core.registrations.overview import NEEDS_ATTENTION
from core.registrations.status import Status
from core.registrations.wording import status_word


def status_frame(counts: Mapping[Status, int]) -> pd.DataFrame:
    """Registrations by status: the word and the number, in the order of ``Status``; statuses without any left out."""
    return _frame([status for status in Status if counts.get(status, 0)], counts)


def attention_frame(counts: Mapping[Status, int]) -> pd.DataFrame:
    """The same for what needs somebody now, worst first, the empty ones included."""
    return _frame(NEEDS_ATTENTION, counts)


def lapsing_frame(by_day: Sequence[tuple[date, int]]) -> pd.DataFrame:
    """Consents that lapse, by day."""
    return pd.DataFrame(
        {
            _("Day"): pd.to_datetime([day for day, _count in by_day]),
            _("Consents"): [count for _day, count in by_day],
        }
    )


def _frame(statuses: Sequence[Status], counts: Mapping[Status, int]) -> pd.DataFrame:
    # An ordered category: a chart would sort the words by the alphabet.
    words = [status_word(status) for status in statuses]
    return pd.DataFrame(
        {
            _("Status"): pd.Categorical(words, categories=words, ordered=True),
            _("Registrations"): [counts.get(status, 0) for status in statuses],
        }
    )
