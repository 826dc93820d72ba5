"""What the simulated Exact Online is told once: its apps, and every point on which the sources disagree.

The evidence behind each default stands in the project's notes on Exact Online. A point nobody has seen proven is a
setting here, so that the product can be tried against either truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

ENVIRONMENTS = ("nl", "be", "de", "uk", "us", "es", "fr")
DEFAULT_ENVIRONMENT = "nl"
"""The bare root, without a country in the path, is this one."""


class Grace(StrEnum):
    """Whether a refresh token that was already used is taken once more."""

    STRICT = "strict"
    UNTIL_SUCCESSOR_USED = "until_successor_used"
    TEN_MINUTES = "ten_minutes"


class TooEarly(StrEnum):
    """What a refresh sooner than 570 s after the previous token meets."""

    STATUS_400 = "400"
    STATUS_401 = "401"
    CONSUMED = "consumed"
    """Refused with 400, and the token is burnt all the same."""


class Revoked(StrEnum):
    """How a refresh fails after the customer has withdrawn the consent."""

    CHAIN_400 = "chain_400"
    UNAUTHORIZED_401 = "unauthorized_401"


class SecondConsent(StrEnum):
    """What a second consent does to the administrations the first one permitted."""

    REPLACES = "replaces"
    WIDENS = "widens"


class Numbers(StrEnum):
    """How the numbers of a row are written."""

    WHOLE = "whole"
    FRACTION = "fraction"
    """2000001.0"""
    TEXT = "text"


class AllDivisions(StrEnum):
    """What system/AllDivisions answers: "all (licensed) divisions" is all that is known of it, from one source."""

    REACHABLE = "reachable"
    """All that the user reaches, permitted to the app or not."""
    PERMITTED = "permitted"
    """No more than system/Divisions."""
    REFUSED = "refused"
    """403, scope violated."""
    MISSING = "missing"
    """404."""


class SpentCode(StrEnum):
    """The answer to a code that was used before or is too old."""

    CHAIN_ID = "chain_id"
    INVALID_REQUEST = "invalid_request"


@dataclass(frozen=True)
class SimulatorApp:
    """One app registration: an app is registered per country, and its redirect URI is matched to the letter."""

    environment: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    name: str = "Clickker Connections"


@dataclass(frozen=True)
class SimulatorConfig:
    """The simulator's settings. Durations are seconds unless the name says otherwise."""

    apps: tuple[SimulatorApp, ...] = ()
    base_url: str = "http://127.0.0.1:8502"
    """The public address, without a slash at the end; the countries stand under it as /nl, /be, ..."""
    enabled: bool = False
    """Everything answers 404 until this is switched on."""
    control: bool = False
    """Serve /control, to loopback only."""

    # Codes and tokens
    code_seconds: int = 180
    access_seconds: int = 600
    refresh_days: int = 30
    min_refresh_age: int = 570
    early_rule_after_code: bool = True
    """Whether the 570 s also run from the exchange of the code."""
    expires_in_as_string: bool = True
    grace: Grace = Grace.STRICT
    too_early: TooEarly = TooEarly.STATUS_400
    spent_code: SpentCode = SpentCode.CHAIN_ID
    invalid_client_status: int = 400
    one_chain_per_user: bool = True
    """A new authorization by the same user for the same app ends the earlier chain."""
    superseded_access_dies: bool = False
    """Whether the access token of a chain that a newer one has ended stops at once, or lives out its 600 s."""
    enforce_pkce: bool = False
    """A code challenge is tolerated; nobody has seen it enforced."""

    # Consent
    second_consent: SecondConsent = SecondConsent.REPLACES
    pass_through: bool = True
    """Without force_login, a signed-in user who has already consented goes straight back."""
    revoked: Revoked = Revoked.CHAIN_400
    revoked_access_dies: bool = True

    # Resources
    validate_url_division: bool = False
    """Whether system/Divisions checks the division in its own address; all other resources always do."""
    all_divisions: AllDivisions = AllDivisions.REACHABLE
    me_as_bare_list: bool = False
    pad_customer_codes: bool = True
    dates_in_cet: bool = False
    numbers: Numbers = Numbers.WHOLE
    null_fields: tuple[str, ...] = ()
    """Fields that every row has as null."""
    dropped_fields: tuple[str, ...] = ()
    """Fields that no resource has any more: absent, and $select of one is refused."""
    refusal_of_a_field: str = "Could not find a property named '{field}' on type '{type}'."
    """With what words; {field}, {type} and {select} are filled in."""
    page_rows: int = 60

    # Limits; 0 switches one off
    calls_per_minute: int = 60
    calls_per_day: int = 5000
    me_counts: bool = False
    """Whether current/Me, which names no division, counts towards the calls of the current division."""
    errors_per_hour: int = 10
    token_errors_count: bool = True
    error_block_seconds: int = 3600
    """The first block; each following one of the same scope is twice as long."""
    error_block_status: int = 429

    def app(self, environment: str, client_id: str) -> SimulatorApp | None:
        """The app with this id in this country; braces around the id are ignored, as Exact does."""
        wanted = client_id.strip().removeprefix("{").removesuffix("}").lower()
        for app in self.apps:
            if app.environment == environment and app.client_id.strip("{}").lower() == wanted:
                return app
        return None

    def first_app(self, environment: str) -> SimulatorApp:
        """The country's first app. Raises ``LookupError`` when it has none."""
        for app in self.apps:
            if app.environment == environment:
                return app
        raise LookupError(f"the simulator has no app in {environment!r}")
