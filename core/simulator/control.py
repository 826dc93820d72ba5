"""The control endpoint: the levers of the engine as JSON, without knowing anything of HTTP servers."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from core.simulator.config import SimulatorConfig
from core.simulator.engine import Engine
from core.simulator.faults import NAMES, Fault

Document = Mapping[str, Any]
_Lever = Callable[[Engine, Document], object]


class Wrong(ValueError):
    """The request cannot be carried out; ``status`` says how wrong."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def control(engine: Engine, method: str, path: str, document: Document) -> object:
    """Pull one lever: the JSON document to answer. Raises ``Wrong``."""
    lever = LEVERS.get((method, path))
    if lever is None:
        allowed = any(known == path for _method, known in LEVERS)
        raise Wrong(405 if allowed else 404, f"there is no {method} /control/{path}")
    try:
        return lever(engine, document)
    except Wrong:
        raise
    except KeyError as missing:
        raise Wrong(400, f"the field {missing} is missing") from missing
    except LookupError as unknown:
        raise Wrong(404, str(unknown)) from unknown
    except (ValueError, TypeError) as wrong:
        raise Wrong(400, str(wrong)) from wrong


def from_this_machine(client: str, asked: str, own: str, headers: Mapping[str, str]) -> bool:
    """Whether the caller is on loopback, not behind a proxy, and ``asked`` for this host by a name of its own: a
    page in somebody's browser whose name was pointed here did not. Header names are lower case."""
    if "x-forwarded-for" in headers or "forwarded" in headers:
        return False
    try:
        loopback = ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False
    return loopback and asked in {"localhost", "127.0.0.1", "::1", own}


def read_document(method: str, query: Mapping[str, str], content_type: str, body: bytes) -> Document:
    """The query of a GET, the JSON object of anything else. Raises ``Wrong``."""
    if method == "GET" or (method == "DELETE" and not body):
        return dict(query)
    # Another site's form cannot send this type without asking first.
    if content_type.partition(";")[0].strip() != "application/json":
        raise Wrong(415, "send JSON as application/json")
    try:
        document = json.loads(body or b"{}")
    except ValueError as bad:
        raise Wrong(400, "that is not JSON") from bad
    if not isinstance(document, dict):
        raise Wrong(400, "send a JSON object")
    return document


def _summary(engine: Engine, _document: Document) -> object:
    return {
        "now": engine.clock.now().isoformat(),
        "levers": sorted(f"{method} /control/{path}".rstrip("/") for method, path in LEVERS),
        "faults": NAMES,
        "pending": len(engine.pending_faults()),
    }


def _advance(engine: Engine, document: Document) -> object:
    return {"now": engine.advance(float(document["seconds"])).isoformat()}


def _faults(engine: Engine, _document: Document) -> object:
    return {"names": NAMES, "pending": [_fault(fault) for fault in engine.pending_faults()]}


def _fault(fault: Fault) -> dict[str, object]:
    return {"name": fault.name, "times": fault.times, "where": asdict(fault.where), "seconds": fault.seconds}


def _add_fault(engine: Engine, document: Document) -> object:
    details = dict(document)
    where = details.pop("where", None) or {}
    engine.add_fault(details.pop("name"), details.pop("times", 1), **where, **details)
    return _faults(engine, {})


def _clear_faults(engine: Engine, document: Document) -> object:
    engine.clear_faults(str(document.get("name", "")))
    return _faults(engine, {})


def _consent(engine: Engine, document: Document) -> object:
    url = engine.consent_url(
        document["environment"],
        document["client_id"],
        user=document["user"],
        redirect_uri=document["redirect_uri"],
        divisions=document.get("divisions", "all"),
        state=document.get("state"),
    )
    return {"url": url}


def _revoke(engine: Engine, document: Document) -> object:
    engine.revoke(document["environment"], document["user"], client_id=document.get("client_id", ""))
    return {}


def _outage(engine: Engine, document: Document) -> object:
    act = engine.end_outage if document.get("over") else engine.begin_outage
    act(document["environment"], document["user"])
    return {}


def _scope(engine: Engine, document: Document) -> object:
    client_id = document.get("client_id", "")
    engine.set_scope(document["environment"], document["user"], document["divisions"], client_id=client_id)
    return {}


def _division(engine: Engine, document: Document) -> object:
    changes = {name: document[name] for name in ("status", "blocking", "name") if name in document}
    engine.set_division(document["environment"], int(document["code"]), **changes)
    return {}


def _add_division(engine: Engine, document: Document) -> object:
    return {"code": engine.add_division(document["environment"], document["user"], document["name"])}


def _current(engine: Engine, document: Document) -> object:
    engine.set_current_division(document["environment"], document["user"], int(document["division"]))
    return {}


def _tokens(engine: Engine, _document: Document) -> object:
    return {"tokens": [_plain(asdict(issued)) for issued in engine.journal()]}


def _calls(engine: Engine, document: Document) -> object:
    return {"calls": [_plain(asdict(call)) for call in engine.calls(str(document.get("endpoint", "")))]}


def _users(engine: Engine, _document: Document) -> object:
    return {
        "users": [
            {
                "environment": user.environment,
                "user": user.name,
                "password": user.password,
                "full_name": user.full_name,
                "divisions": [
                    {"code": d.code, "name": d.name, "status": d.status, "blocking": d.blocking}
                    for d in engine.divisions(user.environment, user.name)
                ],
            }
            for user in engine.users()
        ]
    }


_FIXED = {"apps", "base_url", "enabled", "control"}
_SETTINGS = TypeAdapter(SimulatorConfig)


def _settings(engine: Engine, _document: Document) -> object:
    return {name: value for name, value in _plain(asdict(engine.config)).items() if name not in _FIXED}


def _configure(engine: Engine, document: Document) -> object:
    known = set(SimulatorConfig.__dataclass_fields__) - _FIXED
    if unknown := sorted(set(document) - known):
        raise Wrong(400, f"no such setting: {unknown[0]}; there are: {', '.join(sorted(known))}")
    checked = _SETTINGS.validate_python(dict(document))
    engine.configure(**{name: getattr(checked, name) for name in document})
    return _settings(engine, {})


def _reset(engine: Engine, _document: Document) -> object:
    engine.reset()
    return {}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in values.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, StrEnum):
        return value.value
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if isoformat else value


LEVERS: dict[tuple[str, str], _Lever] = {
    ("GET", ""): _summary,
    ("POST", "clock"): _advance,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "consent"): _consent,
    ("POST", "revoke"): _revoke,
    ("POST", "outage"): _outage,
    ("POST", "scope"): _scope,
    ("POST", "division"): _division,
    ("POST", "divisions"): _add_division,
    ("POST", "current"): _current,
    ("GET", "tokens"): _tokens,
    ("GET", "calls"): _calls,
    ("GET", "users"): _users,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _configure,
    ("POST", "reset"): _reset,
}
