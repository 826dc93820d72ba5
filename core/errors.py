"""One tree of errors; each carries a sentence an operator can act on.

* ClickkerError
  * InvalidInput      what was typed cannot be used; ``field`` names it
  * NotAllowed        the operator's role does not permit the action
    * ConfirmationNeeded  it does, once the operator has confirmed who sits there
  * NotFound          no such registration, operator, link ...
  * Conflict          somebody else holds the name, the administration ...
    * ChangedMeanwhile  what would be saved to is not what was shown any more
  * SettingsError     the installation is set up wrongly
  * ExactError        anything Exact Online did (see ``core.exact.errors``)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.accounts.roles import CurrentOperator


class ClickkerError(Exception):
    """An error with a sentence for the operator.

    ``message`` is already in the operator's language (translated when raised) and holds no secret.
    ``retryable`` says whether trying again can help.
    """

    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(ClickkerError):
    """What was typed cannot be used."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NotAllowed(ClickkerError):
    """The operator's role does not permit this.

    ``by`` and ``action`` say who asked for what, for the audit log; without them nobody is known.
    """

    def __init__(self, message: str, by: CurrentOperator | None = None, action: str = "") -> None:
        super().__init__(message)
        self.by = by
        self.action = action


class ConfirmationNeeded(NotAllowed):
    """The role permits it, but it is too long ago that somebody proved to be this operator."""

    retryable = True


class NotFound(ClickkerError):
    """There is no such thing, or no longer."""


class Conflict(ClickkerError):
    """Somebody or something else already holds it."""


class ChangedMeanwhile(Conflict):
    """What would be saved to has changed since the screen was opened; nothing was saved, and nothing is lost."""

    retryable = True


class SettingsError(ClickkerError):
    """The installation is set up wrongly; the sentence says how to mend it."""
