"""Between consent and its administrations: Exact is being asked for them, which takes some seconds.

Consent is kept before that, so a page that waits for it goes on a little too soon.
"""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from core import clock
from core.i18n import _
from core.registrations.views import GrantView, RegistrationView
from dashboard.watching import look_again

POLL = "1s"
LONGEST = timedelta(minutes=2)
"""After this nobody is asking any more, whatever became of it."""


def wait_for_administrations(view: RegistrationView, grant: GrantView) -> bool:
    """Whether Exact is still being asked what came with ``grant``; the page then goes on by itself."""
    if view.administrations or not _is_asked(view, grant):
        return False
    st.info(
        _("Exact Online is being asked for the administrations. This page goes on by itself."),
        icon=":material/hourglass_empty:",
    )

    def seen(now: RegistrationView) -> None:
        if now.administrations or now.grant is None or not _is_asked(now, now.grant):
            st.rerun()

    look_again(f"reading_{view.id}", view.id, POLL, seen)
    return True


def _is_asked(view: RegistrationView, grant: GrantView) -> bool:
    # A login that has given consent before keeps its grant: its tokens tell when it was given again.
    given = grant.rotated_at or grant.created_at
    answered = [at for at in (view.last_checked_at, view.last_failure_at) if at is not None]
    return max(answered, default=given) <= given > clock.now() - LONGEST
