"""What pages are given: frozen, complete, without secrets. Never a live row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.registrations.names import known_as
from core.registrations.next_action import NextAction
from core.registrations.status import Status


@dataclass(frozen=True)
class RegistrationForm:
    """What is typed on the form "Register at Exact Online"."""

    name: str = ""
    environment: str = ""
    active: bool = True
    reference: str = ""
    owner_id: int | None = None
    note: str = ""


@dataclass(frozen=True)
class GrantView:
    """Who gave consent, and until when it holds."""

    id: str
    user_name: str
    full_name: str
    email: str
    environment: str
    identified: bool
    """Whether Exact has told whose it is, with names or without."""
    created_at: datetime
    rotated_at: datetime | None
    lapses_at: datetime | None
    next_refresh_at: datetime | None
    """The next moment at which Exact accepts a refresh."""
    shared_with: tuple[tuple[int, str], ...]
    """(id, name) of the other registrations that hang on this login, as far as the reader may see them."""
    shared_unseen: int = 0
    """How many more hang on it, whose names are not for the reader."""

    @property
    def known_as(self) -> str:
        """The user as people know it; never empty, also where Exact gives no name."""
        return known_as(self.full_name or self.user_name)

    @property
    def shared_count(self) -> int:
        return len(self.shared_with) + self.shared_unseen


@dataclass(frozen=True)
class CheckView:
    """The checks of a registration at Exact."""

    next_at: datetime | None
    """When we look by ourselves; None while it is paused."""
    possible_from: datetime | None
    """From when a check by hand can work; None when it can now."""
    calls_this_minute: int
    calls_today: int
    """Calls left in the administration in which the fewest are."""


@dataclass(frozen=True)
class ReadingView:
    """A list of administrations that is too long for one minute's calls, while it is being read."""

    count: int
    """How many have been read."""
    goes_on_at: datetime | None
    """None when it goes on only by somebody's hand."""


@dataclass(frozen=True)
class CustomerLinkView:
    """The open link for the customer, without its secret."""

    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None
    """When a browser that somebody seemed to steer came to its page: that it was the customer is not known."""
    went_at: datetime | None = None
    """When somebody last pressed the button there and went on to Exact."""


@dataclass(frozen=True)
class AdministrationView:
    """A division at Exact as last seen through this registration."""

    code: int
    name: str
    customer_name: str
    country: str
    currency: str
    vat_number: str
    exact_status: int
    blocking_status: int
    permitted: bool
    linked: bool
    taken_by: tuple[int, str] | None = None
    """(id, name) of the other registration that has it linked; (0, "") where that is not for the reader."""

    @property
    def archived(self) -> bool:
        return self.exact_status == 2  # noqa: PLR2004 - Exact's own number, see models

    @property
    def inactive(self) -> bool:
        return self.exact_status == 0

    @property
    def blocked(self) -> bool:
        return self.blocking_status != 0

    @property
    def available(self) -> bool:
        """Whether it may be newly linked here."""
        return self.permitted and self.taken_by is None and not self.archived


@dataclass(frozen=True)
class RegistrationView:
    """One registration, with everything its page shows."""

    id: int
    name: str
    environment: str
    active: bool
    reference: str
    owner_id: int | None
    owner_name: str
    note: str
    created_at: datetime
    created_by_name: str
    submitted_at: datetime | None
    completed_at: datetime | None
    disconnected_at: datetime | None
    last_checked_at: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure_kind: str | None
    last_failure_message: str | None
    status: Status
    status_sentence: str
    """One plain sentence why, in the reader's language."""
    action: NextAction
    """Who acts and what by."""
    answered_at: datetime | None
    """When the last attempt to get a consent ended that decides on the action; None where none does."""
    lapses_at: datetime | None
    grant: GrantView | None
    check: CheckView | None
    """None without a consent."""
    candidate: GrantView | None
    """Another Exact user has given consent; an operator must say whether it replaces the present one."""
    link: CustomerLinkView | None
    administrations: tuple[AdministrationView, ...]
    reading: ReadingView | None = None
    """How far the list of administrations has been read, while it is not whole."""

    @property
    def failing(self) -> bool:
        """Whether Exact has failed us since the last success."""
        if self.last_failure_at is None or self.last_failure_kind is None:
            return False
        return self.last_success_at is None or self.last_failure_at > self.last_success_at

    @property
    def linked(self) -> tuple[AdministrationView, ...]:
        return tuple(a for a in self.administrations if a.linked)


@dataclass(frozen=True)
class TimelineView:
    """Something that happened, as a sentence in the reader's language."""

    at: datetime
    actor: str
    kind: str
    sentence: str
    details: dict[str, Any]
