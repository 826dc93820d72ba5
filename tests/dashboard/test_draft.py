"""The draft behind the form, when runs of the page overtake each other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from core.application import Application
from core.registrations.drafts import open_draft
from core.registrations.views import RegistrationForm
from core.storage.models import Registration
from dashboard.draft import OneDraft
from tests.factories import make_operator


def test_runs_that_overtake_each_other_make_one_draft(app: Application) -> None:
    alice = make_operator(app.database, "Alice")
    made, runs = OneDraft(), 4
    together = threading.Barrier(runs)

    def save(_run: int) -> int:
        together.wait()
        return made.save(app, alice, None, RegistrationForm(name="Test B.V."))

    with ThreadPoolExecutor(runs) as pool:
        numbers = set(pool.map(save, range(runs)))

    with app.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Registration)) == 1
    draft = open_draft(app, alice)
    assert draft is not None
    assert numbers == {draft.id}
