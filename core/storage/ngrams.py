"""Choosing the few words of a search (``core.storage.search``) that narrow it down most.

Reading the lists of all of them takes some 1.5 ms in a million names, of the two rarest 0.2. What is rare is learnt
from a sample of the names at hand, drawn once an hour.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from core.storage.rows import Rows
from core.storage.search import LONGEST_RUN
from core.storage.sets import among, as_ids

_SAMPLE = 2_000
_SAMPLE_SECONDS = 3_600.0
_CHOSEN = 2

_samples: WeakKeyDictionary[Dialect, dict[str, tuple[float, Counter[str]]]] = WeakKeyDictionary()
"""By database: each has a dialect of its own."""


def match_expression(
    rows: Rows, number: InstrumentedAttribute[int], name: InstrumentedAttribute[str], term: str
) -> str:
    """What to hand to FTS5's MATCH: finds every row that holds ``term``, and some that do not."""
    if len(term) < LONGEST_RUN:
        return quoted(term) + "*"
    runs = ngrams(term, LONGEST_RUN)
    if len(runs) > _CHOSEN:
        known = _frequencies(rows, number, name)
        runs = set(sorted(runs, key=lambda run: (known[run], run))[:_CHOSEN])
    return " AND ".join(map(quoted, sorted(runs)))


def ngrams(text: str, length: int) -> set[str]:
    """Every run of ``length`` characters in ``text``."""
    return {text[start : start + length] for start in range(len(text) - length + 1)}


def quoted(run: str) -> str:
    """``run`` as FTS5 takes it literally."""
    return '"' + run.replace('"', '""') + '"'


def _frequencies(
    rows: Rows, number: InstrumentedAttribute[int], name: InstrumentedAttribute[str]
) -> Counter[str]:
    """In how many of the sampled names each run occurs."""
    samples = _samples.setdefault(rows.dialect, {})
    drawn_at, counted = samples.get(str(name), (-_SAMPLE_SECONDS, Counter()))
    # The age of a sample is a matter of this process, not a fact about a registration: no clock to shift.
    if time.monotonic() - drawn_at < _SAMPLE_SECONDS:
        return counted
    counted = Counter(run for key in _sample(rows, number, name) for run in ngrams(key, LONGEST_RUN))
    samples[str(name)] = (time.monotonic(), counted)
    return counted


def _sample(rows: Rows, number: InstrumentedAttribute[int], name: InstrumentedAttribute[str]) -> list[str]:
    """Names at random places: neighbours resemble each other."""
    # Two questions, because SQLite reads all of an index for the smallest and the largest at once.
    (first,), (last,) = rows.column({}, _end, number, func.min), rows.column({}, _end, number, func.max)
    if first is None or last is None:
        return []
    places = range(first, last + 1)
    drawn = random.sample(places, min(_SAMPLE, len(places)))
    return rows.column(as_ids(drawn, sqlite=rows.sqlite), _named, number, name)


def _end(_sqlite: bool, number: InstrumentedAttribute[int], which: Callable[..., Any]) -> Select[int]:
    return select(which(number))


def _named(sqlite: bool, number: InstrumentedAttribute[int], name: InstrumentedAttribute[str]) -> Select[str]:
    return select(name).where(among(number, sqlite=sqlite))
