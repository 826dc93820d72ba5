"""Customers, their browsers, and what the world remembers of a registration."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from core.accounts.roles import CurrentOperator


@dataclass(frozen=True)
class Customer:
    """Whose bookkeeping it is: the country it is really in, and the login that reaches it."""

    name: str
    environment: str
    login: str


CUSTOMERS = (
    Customer("Bakker B.V.", "nl", "bakker@bakker.example"),
    Customer("Smit B.V.", "nl", "smit@smit.example"),
    Customer("Visser B.V.", "nl", "visser@visser.example"),
    Customer("Van Dijk B.V.", "nl", "kantoor@vandijk.example"),
    Customer("Aalbers B.V.", "nl", "kantoor@vandijk.example"),
    Customer("Blom B.V.", "nl", "kantoor@vandijk.example"),
    Customer("Grens NV", "be", "grens@grens.example"),
    Customer("Peeters NV", "be", "peeters@peeters.example"),
)


@dataclass
class Tab:
    """A browser on its way to Exact, or back."""

    number: int
    operator: CurrentOperator | None
    token: str
    url: str
    began: datetime
    query: list[tuple[str, str]] | None = None


@dataclass
class Case:
    """A registration, as the world remembers it."""

    number: int
    customer: Customer
    given: list[tuple[datetime, str, str, str]] = field(default_factory=list)
    """(when the browser left, environment, login, token) of every code for it that Exact turned into tokens."""
    let_go: datetime | None = None
    """When an operator last gave up what it had or was under way: disconnected, rejected, another country."""
    deleted: bool = False
    unsure: bool = False
    """A backup was restored: what happened since is known to Exact alone."""
