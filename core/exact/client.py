"""The calls that are made to Exact Online: tokens, who it is, and which administrations."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

import httpx

from core.exact import transport
from core.exact.answers import common_error, exact_words, looks_like_html, read_json
from core.exact.environments import base_url
from core.exact.errors import ExactError, FailureKind
from core.exact.limits import Meter, read_limits
from core.exact.oauth import TokenPair, exchange_body, parse_token_answer, refresh_body
from core.exact.rows import Division, Me, as_system_status, next_page, read_division, read_me, rows_of
from core.settings import Settings

TOKEN_BYTES = 64 * 1024
API_BYTES = 10 * 1024 * 1024
MOST_PAGES = 200
MOST_CANDIDATES = 6
"""Exact blocks an app for an hour after ten errors at one address."""

_ME_FIELDS = "UserID,UserName,FullName,Email,CurrentDivision"
_DIVISION_FIELDS = "Code,Description,CustomerName,Country,Currency,VATNumber,Status,BlockingStatus"

log = logging.getLogger(__name__)

__all__ = ["Division", "ExactClient", "Me"]


class ExactClient:
    """Holds one pool of connections, opened at first use. Every call raises ``ExactError``, and nothing else of
    the network's; ``SettingsError`` when the environment is not usable. Safe to use from many threads.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http: httpx.Client | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            if self._http is not None:
                self._http.close()
                self._http = None

    def exchange(
        self, environment: str, code: str, verifier: str, keeper: transport.Keeper | None = None
    ) -> TokenPair:
        """Turn the code of a consent into tokens. A code holds three minutes and once, so this is never repeated."""
        body = exchange_body(self._settings, environment, code, verifier)
        return self._tokens(environment, body, keeper, exchanging=True)

    def refresh(
        self, environment: str, refresh_token: str, keeper: transport.Keeper | None = None
    ) -> TokenPair:
        """Spend a refresh token: once Exact has answered, the only one alive is in the answer.

        ``keeper`` is given the answer before it is parsed.
        """
        return self._tokens(environment, refresh_body(self._settings, environment, refresh_token), keeper)

    def me(self, environment: str, access_token: str, meter: Meter | None = None) -> Me:
        """Who gave the consent that this token belongs to."""
        url = self._api(environment, "current/Me", _ME_FIELDS)
        rows, _next = rows_of(self._get(url, access_token, 0, meter))
        me = read_me(rows[0]) if rows else None
        if me is None:
            raise ExactError(FailureKind.UNKNOWN)
        return me

    def divisions(
        self,
        environment: str,
        access_token: str,
        division: int | Iterable[int | None],
        meter: Meter | None = None,
    ) -> tuple[Division, ...]:
        """Every division that the user can reach and has permitted, from all pages.

        ``division`` is only a number for the address, or several: Exact may answer 403 to a stale one, so the next is
        tried then, six at the most; so it is when the meter says no. When all are refused, the first refusal is raised.
        """
        given = [division] if isinstance(division, int) else division
        candidates = [number for number in dict.fromkeys(given) if number is not None][:MOST_CANDIDATES]
        refusal: ExactError | None = None
        for number in candidates:
            try:
                return self._all_divisions(environment, access_token, number, meter)
            except ExactError as error:
                # One that we may not ask for now is no reason not to ask for the next.
                held_back = error.kind == FailureKind.RATE_LIMITED and error.status is None
                if error.kind != FailureKind.FORBIDDEN and not held_back:
                    raise
                refusal = refusal or error
        raise refusal or ExactError(FailureKind.FORBIDDEN)

    def user_divisions(
        self,
        environment: str,
        access_token: str,
        division: int | None,
        meter: Meter | None = None,
        tell: Callable[[ExactError], None] = lambda _error: None,
    ) -> tuple[Division, ...] | None:
        """What the Exact user reaches beyond what is permitted to us; None when Exact does not tell.

        Which resource tells it, and whether any does, is not certain (exact-online.md, section 5): a setting names
        it, and whatever goes wrong here is no failure of the connection: ``tell`` is told of it.
        """
        resource = self._settings.user_list
        if not resource or division is None:
            return None
        try:
            found = self._all_divisions(environment, access_token, division, meter, resource)
            return tuple(map(as_system_status, found)) if resource.startswith("hrm/") else found
        except ExactError as error:
            tell(error)
            log.info("%s was not answered (%s); what the user sees is not known.", resource, error.kind.value)
            return None

    def probe(self, environment: str, access_token: str, division: int, meter: Meter | None = None) -> None:
        """One cheap call that succeeds only when this token reaches this division.

        It asks system/Divisions for the division itself: that needs no other right than the list did, and says no
        whether Exact checks the number in the address (403) or only leaves the division out of the list.
        """
        url = self._api(environment, f"{int(division)}/system/Divisions", "Code", f"Code eq {int(division)}")
        rows, _next = rows_of(self._get(url, access_token, division, meter))
        found = (read_division(row) for row in rows)
        if not any(row is not None and row.code == division for row in found):
            raise ExactError(
                FailureKind.FORBIDDEN,
                exact_message="Forbidden - User division is not within division scope.",
            )

    def _all_divisions(
        self,
        environment: str,
        access_token: str,
        division: int,
        meter: Meter | None,
        resource: str = "system/Divisions",
    ) -> tuple[Division, ...]:
        url = self._api(environment, f"{int(division)}/{resource}", _DIVISION_FIELDS)
        found: dict[int, Division] = {}
        seen = {url}
        for _page in range(MOST_PAGES):
            rows, following = rows_of(self._get(url, access_token, division, meter))
            for row in rows:
                read = read_division(row)
                if read is None:
                    log.warning("A row of %s has no usable code; left out.", resource)
                else:
                    found.setdefault(read.code, read)
            if following is None:
                return tuple(found.values())
            url = next_page(url, following)
            if url in seen:
                break
            seen.add(url)
        raise ExactError(FailureKind.UNKNOWN)

    def _tokens(
        self, environment: str, body: str, keeper: transport.Keeper | None, *, exchanging: bool = False
    ) -> TokenPair:
        request = self._client().build_request(
            "POST",
            base_url(self._settings, environment) + "/api/oauth2/token",
            content=body,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        )
        seconds = self._settings.token_timeout_seconds
        answer = transport.send(self._client(), request, seconds=seconds, limit=TOKEN_BYTES, keeper=keeper)
        return parse_token_answer(
            answer.status,
            answer.headers,
            answer.body,
            answer.received_at,
            exchanging=exchanging,
            complete=answer.complete,
        )

    def _api(self, environment: str, path: str, select: str, condition: str = "") -> str:
        options = {"$select": select} | ({"$filter": condition} if condition else {})
        root = base_url(self._settings, environment)
        return f"{root}/api/v1/{path}?{urlencode(options, safe='$,')}"

    def _get(self, url: str, access_token: str, division: int, meter: Meter | None) -> Any:  # noqa: ANN401
        if meter is not None:
            meter.ask(division)
        request = self._client().build_request(
            "GET", url, headers={"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        )
        seconds = self._settings.api_timeout_seconds
        answer = transport.send(self._client(), request, seconds=seconds, limit=API_BYTES)
        if meter is not None:
            meter.heard(division, read_limits(answer.status, answer.headers, answer.received_at))
        return _read(answer)

    def _client(self) -> httpx.Client:
        with self._lock:
            if self._http is None:
                self._http = transport.new_client()
            return self._http


def _read(answer: transport.Answer) -> Any:  # noqa: ANN401
    """The JSON of a good answer of the API; raises ``ExactError`` for any other (exact-online.md, section 7)."""
    error = common_error(answer.status, answer.headers, answer.body, answer.received_at)
    if error is not None:
        raise error
    words = exact_words(answer.headers, answer.body)
    if answer.status >= 400:  # noqa: PLR2004
        kinds = {401: FailureKind.NOT_AUTHENTICATED, 403: FailureKind.FORBIDDEN}
        kind = kinds.get(answer.status, FailureKind.BAD_REQUEST)
        raise ExactError(kind, exact_message=words, status=answer.status)
    if looks_like_html(answer.headers, answer.body) and "xml" not in _content_type(answer):
        raise ExactError(FailureKind.OUTAGE, status=answer.status)
    if "json" not in _content_type(answer):
        raise ExactError(FailureKind.UNKNOWN, status=answer.status)
    try:
        return read_json(answer.body)
    except ValueError:
        raise ExactError(FailureKind.UNKNOWN, status=answer.status) from None


def _content_type(answer: transport.Answer) -> str:
    return answer.headers.get("content-type", "").lower()
