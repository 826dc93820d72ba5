"""What a page says back: errors as a sentence, and messages that survive a rerun."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.scriptrunner_utils.exceptions import RerunException, StopException

from core.application import application
from core.audit.refusals import record_refusal
from core.errors import ClickkerError, InvalidInput, NotAllowed
from core.i18n import _
from dashboard.markdown import plain

_log = logging.getLogger("clickker.dashboard")
_FLASH = "_flash"


@dataclass
class Attempted:
    """How the block of ``attempt`` ended; true when all went well."""

    error: ClickkerError | None = None

    @property
    def field(self) -> str:
        """The field that was refused, "" when none was."""
        return self.error.field if isinstance(self.error, InvalidInput) else ""

    def __bool__(self) -> bool:
        return self.error is None


@contextmanager
def attempt() -> Iterator[Attempted]:
    """Run a use case; a ``ClickkerError`` becomes its sentence on the screen.

    with attempt() as done:
        disable(app, by, operator_id)
    if done:
        flash(_("Disabled."))
        st.rerun()
    """
    done = Attempted()
    try:
        yield done
    except ClickkerError as error:
        done.error = error
        _write_down(error)
        st.error(plain(error.message), icon=":material/error:")


def _write_down(error: ClickkerError) -> None:
    if isinstance(error, NotAllowed):
        record_refusal(application(), error)


def flash(message: str, *, kind: str = "success") -> None:
    """Say this on top of the next page that is drawn; ``kind`` is success, info or warning."""
    st.session_state.setdefault(_FLASH, []).append((kind, message))


def show_flashes() -> None:
    """Draw the messages left by ``flash``, once."""
    draw = {
        "success": (st.success, ":material/check_circle:"),
        "info": (st.info, ":material/info:"),
        "warning": (st.warning, ":material/warning:"),
    }
    for kind, message in st.session_state.pop(_FLASH, []):
        box, icon = draw[kind]
        box(message, icon=icon)


def report(error: Exception) -> bool:
    """Streamlit's ``on_script_error``: a calm sentence, never a traceback; true, as it has been shown."""
    if isinstance(error, ClickkerError):
        _write_down(error)
        st.error(plain(error.message), icon=":material/error:")
        return True
    reference = secrets.token_hex(4)
    _log.error("Page failed, reference %s", reference, exc_info=error, extra={"reference": reference})
    with suppress(
        StopException, RerunException
    ):  # the page is on its way to another run: nobody would see it
        st.error(
            _(
                "Something went wrong here and this has been written down. Nothing of what you saved is lost. "
                "Reload the page; if it happens again, give your admin this reference: {reference}"
            ).format(reference=reference),
            icon=":material/error:",
        )
    return True


def draw_not_kept() -> None:
    """Below fields that the server keeps nothing of: the word comes before anything is lost."""
    st.caption(_("Not kept when you leave this page."))
