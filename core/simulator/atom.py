"""The Atom feed that a caller gets who does not ask for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from xml.etree import ElementTree

from core.simulator.odata import Row, Value

CONTENT_TYPE = "application/atom+xml;type=feed;charset=utf-8"
_ATOM = "http://www.w3.org/2005/Atom"
_DATA = "http://schemas.microsoft.com/ado/2007/08/dataservices"
_META = f"{_DATA}/metadata"
_XML = "http://www.w3.org/XML/1998/namespace"
ElementTree.register_namespace("", _ATOM)
ElementTree.register_namespace("d", _DATA)
ElementTree.register_namespace("m", _META)


def feed(base: str, title: str, rows: Iterable[Row], now: datetime) -> bytes:
    """Rows as rendered for JSON, written as an Atom feed under ``base``."""
    root = ElementTree.Element(f"{{{_ATOM}}}feed", {f"{{{_XML}}}base": base})
    _child(root, _ATOM, "title", title)
    _child(root, _ATOM, "id", base + title)
    _child(root, _ATOM, "updated", now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    for row in rows:
        _entry(root, row)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _entry(root: ElementTree.Element, row: Row) -> None:
    metadata = row["__metadata"]
    details = metadata if isinstance(metadata, dict) else {}
    entry = ElementTree.SubElement(root, f"{{{_ATOM}}}entry")
    _child(entry, _ATOM, "id", str(details.get("uri", "")))
    ElementTree.SubElement(entry, f"{{{_ATOM}}}category", {"term": str(details.get("type", ""))})
    content = ElementTree.SubElement(entry, f"{{{_ATOM}}}content", {"type": "application/xml"})
    properties = ElementTree.SubElement(content, f"{{{_META}}}properties")
    for name, value in row.items():
        if name != "__metadata":
            _property(properties, name, value)


def _property(parent: ElementTree.Element, name: str, value: Value) -> None:
    element = ElementTree.SubElement(parent, f"{{{_DATA}}}{name}")
    if value is None:
        element.set(f"{{{_META}}}null", "true")
        return
    if isinstance(value, bool | int):
        element.set(f"{{{_META}}}type", "Edm.Boolean" if isinstance(value, bool) else "Edm.Int32")
    element.text = str(value).lower() if isinstance(value, bool) else str(value)


def _child(parent: ElementTree.Element, namespace: str, name: str, text: str) -> None:
    ElementTree.SubElement(parent, f"{{{namespace}}}{name}").text = text
