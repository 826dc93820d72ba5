"""The address under which people open the product, in the one form that browsers send: cookies, origins and links go
by it, letter by letter.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from core.i18n import N_

PORTS = {"https": 443, "http": 80}
"""What browsers leave out (https://url.spec.whatwg.org/#special-scheme)."""
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST = 253

NO_ADDRESS = N_(
    "CLICKKER_PUBLIC_URL must be the address people open, such as https://connections.example.com."
)
BLANK = N_("CLICKKER_PUBLIC_URL holds a blank or a sign that cannot be seen. Take it out.")
WITH_PATH = N_(
    "CLICKKER_PUBLIC_URL must end after the host name, as https://connections.example.com does: the product needs a "
    "host name of its own, without a path, a question mark or a user name."
)
OTHER_LETTERS = N_(
    "CLICKKER_PUBLIC_URL holds letters such as ü. Write the host name as browsers send it, beginning with xn--; "
    "the address bar shows it when you copy it from there."
)
WRONG_PORT = N_("CLICKKER_PUBLIC_URL has a port that is none: a number from 1 to 65535.")
WRONG_HOST = N_("CLICKKER_PUBLIC_URL has a host name that browsers do not send like that. Write it in full.")


class WrongAddress(ValueError):
    """``args[0]`` is one of the sentences above, not yet translated."""


def canonical(text: str) -> str:
    """``scheme://host`` with the port where browsers name it: small letters, no slash at the end.

    Raises ``WrongAddress`` with the reason.
    """
    bare = text.strip()
    if any(sign.isspace() or not sign.isprintable() for sign in bare) or "\\" in bare:
        raise WrongAddress(BLANK)
    try:
        parts = urlsplit(bare)
        host = parts.hostname or ""
    except ValueError:
        raise WrongAddress(WRONG_HOST) from None
    if parts.scheme not in PORTS or not host:
        raise WrongAddress(NO_ADDRESS)
    if parts.path not in {"", "/"} or "?" in bare or "#" in bare or "@" in parts.netloc:
        raise WrongAddress(WITH_PATH)
    if not host.isascii():
        raise WrongAddress(OTHER_LETTERS)
    return f"{parts.scheme}://{_host(host)}{_port(parts.netloc, parts.scheme)}"


def _host(host: str) -> str:
    try:
        if ":" in host:
            return f"[{IPv6Address(host)}]"
        if host.rpartition(".")[2].isdigit():  # browsers read what ends in a number as an address
            return str(IPv4Address(host))
    except ValueError:
        raise WrongAddress(WRONG_HOST) from None
    if _NAME.fullmatch(host) is None or len(host) > _LONGEST:
        raise WrongAddress(WRONG_HOST)
    return host


def _port(netloc: str, scheme: str) -> str:
    said = re.search(r":([^:\]]*)\Z", netloc)
    if said is None or said[1] == "":
        return ""
    if not (said[1].isascii() and said[1].isdigit()) or not 0 < int(said[1]) < 1 << 16:
        raise WrongAddress(WRONG_PORT)
    number = int(said[1])
    return "" if number == PORTS[scheme] else f":{number}"
