"""Between consent and its administrations: Exact is being asked for them, which takes some seconds.

Consent is kept before that, so a page that waits for it goes on a little too soon.
"""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from core import clock
from core.i18n import _
from core.registrations.reading_places import progress
from core.registrations.views import GrantView, RegistrationView
from dashboard.watching import look_again

POLL = "1s"
SLOW_POLL = "5s"
"""While a long list is read, which takes minutes."""
LONGEST = timedelta(minutes=2)
"""After this nobody is asking any more, whatever became of it."""


def wait_for_administrations(view: RegistrationView, grant: GrantView) -> bool:
    """Whether Exact is still being asked what came with ``grant``; the page then goes on by itself.

    A list that is too long for one minute says how far it is; where an older one is known, that can be worked with.
    """
    if view.reading is not None:
        st.info(progress(view.reading), icon=":material/hourglass_empty:")
    if view.administrations or not _is_asked(view, grant):
        return False
    if view.reading is None:
        st.info(
            _("Exact Online is being asked for the administrations. This page goes on by itself."),
            icon=":material/hourglass_empty:",
        )

    def seen(now: RegistrationView) -> None:
        news = now.administrations or now.grant is None or now.reading != view.reading
        if news or now.grant is None or not _is_asked(now, now.grant):
            st.rerun()

    look_again(f"reading_{view.id}", view.id, POLL if view.reading is None else SLOW_POLL, seen)
    return True


def _is_asked(view: RegistrationView, grant: GrantView) -> bool:
    if view.reading is not None and view.reading.goes_on_at is not None:
        return True
    # A login that has given consent before keeps its grant: its tokens tell when it was given again.
    given = grant.rotated_at or grant.created_at
    answered = [at for at in (view.last_checked_at, view.last_failure_at) if at is not None]
    return max(answered, default=given) <= given > clock.now() - LONGEST
