"""Parts of names that match neither too little nor too much to be compared between databases of different size."""

from __future__ import annotations

import random

from sqlalchemy import select

from core.application import Application
from core.registrations.query import COUNT_LIMIT, PAGE_SIZE
from core.storage.models import Administration, Registration

_WANTED = 12
_LENGTHS = (3, 4, 5, 6, 7, 8)
_SAMPLES = 400


def search_terms(app: Application, page: str) -> list[str]:
    """Some terms of three letters and more that fill a page and match fewer than a thousand rows."""
    model = Registration if page == "registrations" else Administration
    with app.database.read() as session:
        condition = Administration.linked if model is Administration else Registration.id > 0
        names = list(session.scalars(select(model.name_key).where(condition)))
        found: list[str] = []
        for term in _candidates(names):
            count = sum(term in name for name in names)
            if 2 * PAGE_SIZE <= count < COUNT_LIMIT * 9 // 10:
                found.append(term)
            if len(found) == _WANTED:
                return found
    raise RuntimeError(f"the names of {page} give no {_WANTED} search terms")


def _candidates(names: list[str]) -> list[str]:
    """Parts of some names, in no order but always the same."""
    chance = random.Random(1)
    parts = []
    for name in chance.sample(names, min(_SAMPLES, len(names))):
        length = chance.choice(_LENGTHS)
        start = chance.randrange(max(1, len(name) - length))
        part = name[start : start + length]
        if part == part.strip() and len(part) >= _LENGTHS[0]:
            parts.append(part)
    return list(dict.fromkeys(parts))
