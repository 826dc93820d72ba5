"""What a registration's status is: one pure function of (facts, now), first match wins."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """In the order in which they are tried."""

    DISCONNECTED = "disconnected"
    PAUSED = "paused"
    DRAFT = "draft"
    WAITING_FOR_CONSENT = "waiting_for_consent"
    CHOOSE_ADMINISTRATIONS = "choose_administrations"
    RECONNECT_NEEDED = "reconnect_needed"
    EXACT_OUTAGE = "exact_outage"
    ATTENTION = "attention"
    PARTLY_CONNECTED = "partly_connected"
    CONNECTED = "connected"
