"""Apprise at arm's length: one message to one address, and a code for what went wrong.

An address holds passwords and keys, and Apprise, like the HTTP library under it, writes addresses to its log and
repeats what the other side said. So nobody hears its loggers but this file, which makes a code out of a few of it.
"""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

from core.i18n import N_, _

if TYPE_CHECKING:
    from apprise import Apprise

DEADLINE_SECONDS = 30.0
"""Of one message, all told; Apprise leaves what takes longer to a thread and comes back without it."""
READ_SECONDS = 15.0
"""Apprise's own 4 s are less than Teams takes on a bad day, and a message that was only late would come twice."""
UNREACHABLE, LATE, REFUSED, UNREADABLE = "unreachable", "late", "refused", "unreadable"

_BELOW = ("urllib3", "requests", "requests_oauthlib", "oauthlib")
"""Libraries that Apprise alone uses here."""
_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)
"""What Apprise says of the message that is being sent; it hands the context on to its threads."""
_HTTP = re.compile(r"\berror=([345]\d\d)\b")
_SMTP = re.compile(r"(?:\(|was refused: )([45]\d\d)[ ,]")
_LINK = re.compile(r"https?://[^\s()<>]+$")
_MEANING = re.compile(r"([\\`*_\[\]<>#~|])")
_SENTENCES = {
    UNREACHABLE: N_("The server could not be reached."),
    LATE: N_("There was no answer in time."),
    REFUSED: N_("The message was refused."),
    UNREADABLE: N_("The address in the settings cannot be read."),
    "http": N_("The server answered with error {code}."),
    "smtp": N_("The mail server refused with code {code}."),
}


def send(address: str, title: str, body: str) -> str:
    """Send plain text to an Apprise address: "" when it was taken over, else why not, as a code.

    Raises nothing: the text of an exception might repeat the address.
    """
    try:
        channel = _channel(address)
        return _sent(channel, title, body) if len(channel) else UNREADABLE
    except Exception:
        return REFUSED


def is_readable(address: str) -> bool:
    """Whether Apprise knows what to do with the address."""
    try:
        return len(_channel(address)) == 1
    except Exception:
        return False


def service(address: str) -> str:
    """The kind of address, such as "slack": the one part of it that is no secret."""
    scheme = address.partition("://")[0]
    return scheme if scheme.isascii() and scheme.isalnum() else ""


def as_markdown(text: str) -> str:
    """Plain text for a service that knows Markdown alone, such as Teams: nothing in a name means anything there.

    An address at the end of a line becomes a link. Apprise would escape it, and then it leads nowhere.
    """
    return "\n".join(_marked(line) for line in text.split("\n"))


def error_sentence(code: str) -> str:
    """Why a message did not get out, in the reader's language."""
    kind, _mark, number = code.partition("_")
    return _(_SENTENCES.get(kind, _SENTENCES[REFUSED])).format(code=number)


def _sent(channel: Apprise, title: str, body: str) -> str:
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        if channel[0].resolve_format("text").value == "markdown":
            result = channel.notify(title=title, body=as_markdown(body), body_format="markdown")
        else:
            result = channel.notify(title=title, body=body, body_format="text")
    finally:
        _heard.reset(token)
    if result:
        return ""
    return LATE if result.status.name == "TIMEOUT" else _code("\n".join(heard))


def _marked(line: str) -> str:
    found = _LINK.search(line)
    if found is None:
        return _plain(line)
    return f"{_plain(line[: found.start()])}[{_plain(found[0])}]({found[0]})"


def _plain(text: str) -> str:
    return _MEANING.sub(r"\\\1", text)


def _code(said: str) -> str:
    for kind, pattern in (("http", _HTTP), ("smtp", _SMTP)):
        found = pattern.search(said)
        if found:
            return f"{kind}_{found[1]}"
    if "timed out" in said:
        return LATE
    return UNREACHABLE if "onnection error" in said else REFUSED


def _channel(address: str) -> Apprise:
    """One address, ready to be sent to; empty when it cannot be read."""
    library = _library()
    asset = library.AppriseAsset(
        app_id="Clickker Connections",
        app_desc="Clickker Connections",
        app_url="",
        image_url_mask="",  # no picture fetched from the library's own pages
        async_mode=False,
        http_redirects=False,  # a key in a header or address goes where it was meant to go, and nowhere else
        storage_mode="memory",
        service_timeout=DEADLINE_SECONDS,
        pgp_autogen=False,
        pem_autogen=False,
        allow_templates=False,
    )
    channel: Apprise = library.Apprise(asset=asset)
    channel.add(address)
    for one in channel:
        one.socket_read_timeout = max(one.socket_read_timeout, READ_SECONDS)
        one.overflow_mode = library.OverflowMode.SPLIT  # a service that takes little gets it in parts
    return channel


@cache
def _library() -> ModuleType:
    """Loaded at the first message: a second of work that most processes never need."""
    apprise_says = logging.getLogger("apprise")
    apprise_says.setLevel(logging.DEBUG)
    apprise_says.addFilter(_listen)
    for name in _BELOW:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    import apprise

    return apprise


def _listen(record: logging.LogRecord) -> bool:
    """Keep the record's text for ``_sent``, and from every handler there is."""
    heard = _heard.get()
    if heard is not None:
        heard.append(record.getMessage())
    return False
