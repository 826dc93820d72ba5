"""GET /api/v1/...: who is asking, may they, and the rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from core.simulator import atom, fields
from core.simulator.answers import Answer, Refused, api_error, json_answer
from core.simulator.config import AllDivisions
from core.simulator.context import Context, current_division, known_user, pair_of_access, permitted, reachable
from core.simulator.data import Division, User
from core.simulator.faults import OUTSIDE_SCOPE, SCOPE_VIOLATED, WRONG_DIVISION, Place
from core.simulator.odata import (
    BadQuery,
    Query,
    Resource,
    Row,
    answer_collection,
    literal,
    parse_query,
    refuse_unknown_names,
    render,
)
from core.simulator.shapes import as_it_is, near, query_or_none, write_numbers
from core.simulator.state import Chain

_PATH = re.compile(r"^(?:(current)/Me|(\d{1,18})/([A-Za-z]+/[A-Za-z]+)(?:\(([^()]*)\))?)$")
_ENDPOINTS = {
    "system/Divisions": "divisions",
    "system/AllDivisions": "all_divisions",
    "system/GetMostRecentlyUsedDivisions": "recent_divisions",
    "hrm/Divisions": "hrm_divisions",
    "crm/Accounts": "accounts",
}
_TYPES = {
    "me": "Exact.Web.Api.System.Me",
    "divisions": "Exact.Web.Api.System.Division",
    "all_divisions": "Exact.Web.Api.System.AllDivisions",
    "recent_divisions": "Exact.Web.Api.System.MostRecentlyUsedDivisions",
    "hrm_divisions": "Exact.Web.Api.HRM.Division",
    "accounts": "Exact.Web.Api.CRM.Account",
}


@dataclass(frozen=True)
class ApiRequest:
    """A call to the API. ``base`` is the country's address as the caller wrote it; pages link back to it."""

    environment: str
    base: str
    path: str
    """After /api/v1/."""
    query: str = ""
    authorization: str = ""
    accept: str = "application/json"
    method: str = "GET"


@dataclass(frozen=True)
class Target:
    """What a path means."""

    endpoint: str
    division: int = 0
    """0 for current/Me, which names none."""
    key: str | None = None


@dataclass(frozen=True)
class Caller:
    """Whose access token it is."""

    user: User
    chain: Chain


def target_of(path: str) -> Target | None:
    """Read a path; None when there is no such resource."""
    match = _PATH.match(path)
    if match is None:
        return None
    if match.group(1):
        return Target("me")
    endpoint = _ENDPOINTS.get(match.group(3))
    return Target(endpoint, int(match.group(2)), match.group(4)) if endpoint else None


def caller_of(context: Context, request: ApiRequest) -> Caller | None:
    """The owner of the access token, expired or not."""
    scheme, _, token = request.authorization.partition(" ")
    pair = pair_of_access(context, token.strip()) if scheme.lower() == "bearer" else None
    if pair is None:
        return None
    chain = context.state.chains[pair.chain]
    if chain.environment != request.environment:
        return None
    return Caller(known_user(context, chain.environment, chain.user), chain)


def place_of(context: Context, request: ApiRequest) -> Place:
    """Where the call belongs, for faults and limits."""
    target, caller = target_of(request.path), caller_of(context, request)
    return Place(
        target.endpoint if target else "unknown",
        request.environment,
        caller.user.name if caller else "",
        target.division if target else 0,
    )


def answer_api(context: Context, request: ApiRequest) -> Answer:
    """The answer to a call of the API."""
    try:
        caller = _authenticate(context, request)
        target = _known_target(request)
        headers = _spend_call(context, caller, target)
        _refuse_foreign_division(context, caller, target)
        answer = _read(context, request, target, _resource(context, request, caller, target))
        return Answer(answer.status, answer.body, {**answer.headers, **headers})
    except Refused as refused:
        return refused.answer
    except BadQuery as bad:
        return api_error(400, str(bad))


def _known_target(request: ApiRequest) -> Target:
    if request.method != "GET":
        raise Refused(api_error(405, "Method not allowed"))
    target = target_of(request.path)
    if target is None:
        raise Refused(_not_found(request))
    return target


def _not_found(request: ApiRequest) -> Answer:
    segment = request.path.split("/")[-1]
    return api_error(404, f"Resource not found for the segment '{segment}'.")


def _authenticate(context: Context, request: ApiRequest) -> Caller:
    caller = caller_of(context, request)
    if caller is None:
        raise Refused(Answer(401))
    pair = pair_of_access(context, request.authorization.partition(" ")[2].strip())
    now = context.clock.now()
    if pair is None or now >= pair.issued_at + timedelta(seconds=context.config.access_seconds):
        raise Refused(Answer(401))
    dies = {
        "superseded": context.config.superseded_access_dies,
        "revoked": context.config.revoked_access_dies,
    }
    if dies.get(caller.chain.ended, False):
        raise Refused(Answer(401))
    if pair.used_at is None:
        pair.used_at = now
        context.touch()
    return caller


def _spend_call(context: Context, caller: Caller, target: Target) -> dict[str, str]:
    division = target.division
    if target.endpoint == "me":
        if not context.config.me_counts:
            return {}
        division = current_division(context, caller.user)
    spent = context.budgets.spend(context.config, context.clock.now(), caller.chain.client_id, division)
    if isinstance(spent, Answer):
        raise Refused(spent)
    return spent


def _refuse_foreign_division(context: Context, caller: Caller, target: Target) -> None:
    if target.endpoint == "me" or (
        target.endpoint == "divisions" and not context.config.validate_url_division
    ):
        return
    allowed = {d.code: d for d in permitted(context, caller.chain)}
    if target.endpoint == "divisions":
        if target.division not in allowed:
            raise Refused(api_error(403, WRONG_DIVISION))
        return
    if target.division not in {d.code for d in reachable(context, caller.user)}:
        raise Refused(api_error(403, WRONG_DIVISION, "NoDivisionAccess"))
    if target.division not in allowed:
        raise Refused(api_error(403, OUTSIDE_SCOPE))
    if allowed[target.division].blocking:
        raise Refused(api_error(403, "Forbidden - DivisionBlocked", "DivisionBlocked"))


def _resource(context: Context, request: ApiRequest, caller: Caller, target: Target) -> Resource:
    # A query that cannot be read is answered later, with what Exact says of it.
    query = query_or_none(request.query)
    name = "current/Me" if target.endpoint == "me" else request.path.partition("(")[0]
    return Resource(
        url=f"{request.base}/api/v1/{name}",
        type=_TYPES[target.endpoint],
        key={"me": "UserID", "accounts": "ID"}.get(target.endpoint, "Code"),
        rows=[as_it_is(context, row) for row in _rows(context, caller, target, query)],
        page_rows=context.config.page_rows,
        refusal=context.config.refusal_of_a_field,
    )


def _rows(context: Context, caller: Caller, target: Target, query: Query) -> list[Row]:
    cet, padded = context.config.dates_in_cet, context.config.pad_customer_codes
    everything = reachable(context, caller.user)
    allowed = permitted(context, caller.chain)
    current = current_division(context, caller.user)
    home = next((d for d in everything if d.code == current), everything[0])

    def system(divisions: list[Division]) -> list[Row]:
        shown = near(divisions, query, context.config.page_rows)
        return [fields.system_division_row(d, current, cet=cet, padded=padded) for d in shown]

    table: dict[str, Callable[[], list[Row]]] = {
        "me": lambda: [fields.me_row(caller.user, home, context.clock.now(), cet=cet, padded=padded)],
        "divisions": lambda: system(allowed),
        "all_divisions": lambda: system(_all_divisions(context, everything, allowed)),
        "recent_divisions": lambda: system([d for d in allowed if d.code == current]),
        # Only the licence of the current division: an accountant's clients are missing here.
        "hrm_divisions": lambda: [
            fields.hrm_division_row(d, cet=cet, padded=padded) for d in allowed if d.customer == home.customer
        ],
        "accounts": lambda: fields.account_rows(
            next(d for d in allowed if d.code == target.division), cet=cet
        ),
    }
    return table[target.endpoint]()


def _all_divisions(context: Context, everything: list[Division], allowed: list[Division]) -> list[Division]:
    chosen = context.config.all_divisions
    if chosen is AllDivisions.REFUSED:
        raise Refused(api_error(403, SCOPE_VIOLATED))
    if chosen is AllDivisions.MISSING:
        raise Refused(api_error(404, "Resource not found for the segment 'AllDivisions'."))
    return allowed if chosen is AllDivisions.PERMITTED else everything


def _read(context: Context, request: ApiRequest, target: Target, resource: Resource) -> Answer:
    query = parse_query(request.query)
    if target.key is not None:
        return _read_one(context, request, target, resource, query)
    if target.endpoint == "accounts" and not query.select and query.top != 1:
        raise BadQuery("Please add a $select or a $top=1 statement to the query string.")
    document = answer_collection(resource, query)
    if target.endpoint == "me" and context.config.me_as_bare_list:
        document = {"d": _rows_of(document)}
    if "json" in request.accept.lower():
        for row in _rows_of(document):
            write_numbers(context, row)
        return json_answer(document)
    return _as_atom(context, resource, _rows_of(document))


def _read_one(
    context: Context, request: ApiRequest, target: Target, resource: Resource, query: Query
) -> Answer:
    wanted = literal(target.key or "")
    row = next((row for row in resource.rows if str(row[resource.key]).lower() == wanted.lower()), None)
    if row is None:
        raise Refused(_not_found(request))
    refuse_unknown_names(resource, query)
    rendered = render(resource, row, query.select)
    if "json" in request.accept.lower():
        return json_answer({"d": rendered})
    return _as_atom(context, resource, [rendered])


def _rows_of(document: object) -> list[Row]:
    inner = document["d"] if isinstance(document, dict) else []
    rows: list[Row] = inner["results"] if isinstance(inner, dict) else inner
    return rows


def _as_atom(context: Context, resource: Resource, rows: list[Row]) -> Answer:
    base, _, title = resource.url.rpartition("/")
    return Answer(
        200, atom.feed(f"{base}/", title, rows, context.clock.now()), {"Content-Type": atom.CONTENT_TYPE}
    )
