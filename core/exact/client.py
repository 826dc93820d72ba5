"""The calls that are made to Exact Online: tokens, who it is, and which administrations."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import httpx

from core.exact import transport
from core.exact.answers import api_answer
from core.exact.environments import base_url
from core.exact.errors import ExactError, FailureKind
from core.exact.limits import Meter, read_limits
from core.exact.oauth import TokenPair, exchange_body, parse_token_answer, refresh_body
from core.exact.paging import OF_THE_PLACE, Listed, Pages, Reading, division_in, of_system, page_of
from core.exact.rows import Division, Me, next_page, read_me, rows_of
from core.exact.rules.first_consent import NO_DIVISION
from core.exact.selecting import Fields, to_leave_out
from core.settings import Settings

TOKEN_BYTES = 64 * 1024
API_BYTES = 10 * 1024 * 1024
MOST_CANDIDATES = 6
"""Exact blocks an app for an hour after ten errors at one address."""

_ME = Fields("current/Me", "UserID", ("UserName", "FullName", "Email", "CurrentDivision"))
_DIVISIONS = Fields(
    "system/Divisions",
    "Code",
    ("Description", "CustomerName", "Country", "Currency", "VATNumber", "Status", "BlockingStatus"),
)
_PROBE = Fields("system/Divisions", "Code")

log = logging.getLogger(__name__)

__all__ = ["Division", "ExactClient", "Me"]


@dataclass(frozen=True)
class _Caller:
    """For whom a call is made."""

    environment: str
    token: str = field(repr=False)
    meter: Meter | None


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
        _url, answer = self._choosing(_Caller(environment, access_token, meter), "current/Me", _ME)
        rows, _next = rows_of(answer)
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
        reading: Reading | None = None,
    ) -> Listed:
        """Every division that the user can reach and has permitted, from all pages.

        ``division`` is only a number for the address, or several: Exact may answer 403 to a stale one, so the next is
        tried then, six at the most; so it is when the meter says no. When all are refused, the first refusal is raised.
        A ``reading`` that has begun goes on at its place; one that Exact does not give any more is begun anew.
        """
        who, pages = _Caller(environment, access_token, meter), Pages() if reading is None else reading
        if self._went_on(who, pages):
            return pages.listed()
        given = [division] if isinstance(division, int) else division
        candidates = [number for number in dict.fromkeys(given) if number][:MOST_CANDIDATES]
        refusal: ExactError | None = None
        for number in candidates:
            try:
                self._first_page(who, number, _DIVISIONS, pages)
            except ExactError as error:
                # One that we may not ask for now is no reason not to ask for the next.
                held_back = error.kind == FailureKind.RATE_LIMITED and error.status is None
                if pages.place() or (error.kind != FailureKind.FORBIDDEN and not held_back):
                    raise
                refusal = refusal or error
                continue
            try:
                return self._to_the_end(who, pages)
            except ExactError as error:  # Exact does not go on from the first page
                if error.kind not in OF_THE_PLACE:
                    raise
                refusal = refusal or error
        raise refusal or ExactError(FailureKind.FORBIDDEN, exact_message="" if candidates else NO_DIVISION)

    def user_divisions(
        self,
        environment: str,
        access_token: str,
        division: int | None,
        meter: Meter | None = None,
        tell: Callable[[ExactError], None] = lambda _error: None,
        *,
        reading: Reading | None = None,
    ) -> Listed | None:
        """What the Exact user reaches beyond what is permitted to us; None when Exact does not tell.

        Which resource tells it, and whether any does, is not certain (exact-online.md, section 5): a setting names
        it, and whatever goes wrong here is no failure of the connection: ``tell`` is told of it.
        """
        resource = self._settings.user_list
        if not resource or not division:
            return None
        who, pages = _Caller(environment, access_token, meter), Pages() if reading is None else reading
        try:
            if not self._went_on(who, pages):
                asked = replace(_DIVISIONS, resource=resource)
                self._first_page(who, division, asked, pages)
            found = self._to_the_end(who, pages)
        except ExactError as error:
            tell(error)
            log.info("%s was not answered (%s); what the user sees is not known.", resource, error.kind.value)
            return None
        return of_system(found) if resource.startswith("hrm/") else found

    def probe(self, environment: str, access_token: str, division: int, meter: Meter | None = None) -> None:
        """One cheap call that succeeds only when this token reaches this division.

        It asks system/Divisions for the division itself: that needs no other right than the list did, and says no
        whether Exact checks the number in the address (403) or only leaves the division out of the list.
        """
        who = _Caller(environment, access_token, meter)
        path, condition = f"{int(division)}/{_PROBE.resource}", f"Code eq {int(division)}"
        url, answer = self._choosing(who, path, _PROBE, condition)
        if not any(found.code == division for found in page_of(url, answer).divisions):
            raise ExactError(
                FailureKind.FORBIDDEN,
                exact_message="Forbidden - User division is not within division scope.",
            )

    def _first_page(self, who: _Caller, division: int, asked: Fields, pages: Reading) -> None:
        pages.keep(page_of(*self._choosing(who, f"{int(division)}/{asked.resource}", asked)))

    def _went_on(self, who: _Caller, pages: Reading) -> bool:
        """Whether a reading that has begun has come to its end; False where there is none, or none any more."""
        if not pages.is_whole() and not pages.place():
            return False
        try:
            self._to_the_end(who, pages)
        except ExactError as error:
            if error.kind not in OF_THE_PLACE:
                raise
            return False
        return True

    def _to_the_end(self, who: _Caller, pages: Reading) -> Listed:
        root = self._api(who.environment, "current/Me")
        while place := pages.place():
            try:
                url = _there(root, place)
                answer = self._get(url, who.token, division_in(url), who.meter)
            except ExactError as error:
                if error.kind in OF_THE_PLACE:
                    pages.begin_anew()
                raise
            pages.keep(page_of(url, answer))
        return pages.listed()

    def _choosing(self, who: _Caller, path: str, asked: Fields, condition: str = "") -> tuple[str, Any]:
        """The address at which Exact answered, and the answer: asked again without the fields that it does not know."""
        known = who.meter.left_out(asked.resource) if who.meter is not None else frozenset()
        left_out, refusal = set(known), None
        while True:
            url = self._api(who.environment, path, asked.choice(left_out), condition)
            try:
                answer = self._get(url, who.token, division_in(url), who.meter)
            except ExactError as error:
                more = to_leave_out(error, asked, left_out)
                if not more:
                    raise (refusal if refusal and error.kind in OF_THE_PLACE else error) from None
                refusal = refusal or error
                left_out |= more
                continue
            if refusal is not None and who.meter is not None:
                who.meter.leave_out(asked.resource, frozenset(left_out - known), refusal.exact_message)
            return url, answer

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

    def _api(self, environment: str, path: str, select: str = "", condition: str = "") -> str:
        options = {"$select": select, "$filter": condition}
        query = urlencode({name: value for name, value in options.items() if value}, safe="$,")
        root = base_url(self._settings, environment)
        return f"{root}/api/v1/{path}?{query}".removesuffix("?")

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
        return api_answer(answer.status, answer.headers, answer.body, answer.received_at)

    def _client(self) -> httpx.Client:
        with self._lock:
            if self._http is None:
                self._http = transport.new_client()
            return self._http


def _there(root: str, place: str) -> str:
    """The address of a place that was kept. Raises ``ExactError`` (BAD_REQUEST) when it is none of this Exact's."""
    try:
        return next_page(root, place)
    except ExactError:
        raise ExactError(FailureKind.BAD_REQUEST) from None
