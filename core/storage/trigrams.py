"""Choosing the few trigrams of a search that narrow it down most.

Reading the lists of all its trigrams costs up to 20 ms in a million names; of the three rarest, under 2 ms.
What is rare is learnt from a sample of the names at hand, drawn once an hour.
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
from core.storage.search import SHORTEST_PART
from core.storage.sets import among, as_ids

_SAMPLE = 2_000
_SAMPLE_SECONDS = 3_600.0
_CHOSEN = 3

_samples: WeakKeyDictionary[Dialect, dict[str, tuple[float, Counter[str]]]] = WeakKeyDictionary()
"""By database: each has a dialect of its own."""


def match_expression(
    rows: Rows, number: InstrumentedAttribute[int], name: InstrumentedAttribute[str], term: str
) -> str:
    """What to hand to FTS5's MATCH: finds every row that holds ``term``, and some that do not."""
    known = _frequencies(rows, number, name)
    rarest = sorted(trigrams(term), key=lambda trigram: (known[trigram], trigram))[:_CHOSEN]
    return " AND ".join('"' + trigram.replace('"', '""') + '"' for trigram in rarest)


def trigrams(term: str) -> set[str]:
    """Every run of three characters in ``term``."""
    return {term[start : start + SHORTEST_PART] for start in range(len(term) - SHORTEST_PART + 1)}


def _frequencies(
    rows: Rows, number: InstrumentedAttribute[int], name: InstrumentedAttribute[str]
) -> Counter[str]:
    """In how many of the sampled names each trigram occurs."""
    samples = _samples.setdefault(rows.dialect, {})
    drawn_at, counted = samples.get(str(name), (-_SAMPLE_SECONDS, Counter()))
    # The age of a sample is a matter of this process, not a fact about a registration: no clock to shift.
    if time.monotonic() - drawn_at < _SAMPLE_SECONDS:
        return counted
    counted = Counter(trigram for key in _sample(rows, number, name) for trigram in trigrams(key))
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
