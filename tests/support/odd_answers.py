"""Token answers as no standard knows them, byte for byte as they come over the wire."""

from __future__ import annotations

import gzip
import html
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

ACCESS, REFRESH = "stampNL001.gAAAA/a" + "a" * 40, "stampNL001.x!IAAAA/b-_" + "b" * 60
OLDER = "stampNL001.x!IAAAA-older"
_WHOLE = {"access_token": ACCESS, "token_type": "bearer", "expires_in": "600", "refresh_token": REFRESH}


@dataclass(frozen=True)
class Odd:
    """One answer. ``kept``: whether a person would find a whole refresh token in it."""

    name: str
    raw: bytes
    kept: bool = True


def answer(**fields: object) -> bytes:
    """A good answer with these fields instead; ... leaves one out."""
    return json.dumps({key: value for key, value in (_WHOLE | fields).items() if value is not ...}).encode()


def http(body: bytes, head: str = "Content-Type: application/json", status: str = "200 OK") -> bytes:
    """The body in an answer that ends where it says."""
    return f"HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def chunked(*chunks: bytes, end: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    return head + body + (b"0\r\n\r\n" if end else b"")


def odd_answers() -> list[Odd]:
    return [*_odd_fields(), *_odd_forms(), *_odd_encodings(), *_odd_wires(), *_without_a_token()]


def _odd_fields() -> Iterator[Odd]:
    for life in (
        "600",
        600,
        599.5,
        "soon",
        None,
        -1,
        0,
        10**9,
        "1e9",
        True,
        [600],
        {"s": 600},
        10**400,
        "",
        ...,
    ):
        yield Odd(f"expires_in {repr(life)[:12]}", http(answer(expires_in=life)))
    yield Odd(
        "expires_in of 5,000 digits", http(answer(expires_in=1).replace(b": 1,", b": " + b"9" * 5000 + b","))
    )
    yield Odd("expires_in NaN", http(answer(expires_in=float("nan"))))
    yield Odd("token_type mac", http(answer(token_type="mac")))
    yield Odd("token_type missing", http(answer(token_type=...)))
    yield Odd("more fields", http(answer(scope="x", deep={"a": [1, {"b": None}]})))
    yield Odd("access token null", http(answer(access_token=None)))
    yield Odd("access token a list", http(answer(access_token=[ACCESS])))
    yield Odd("access token with a line break", http(answer(access_token="a\r\nb")))
    yield Odd("tokens with blanks around", http(answer(refresh_token=f"  {REFRESH}\n")))
    yield Odd("null after the token", http(answer()[:-1] + b',"refresh_token":null}'))
    yield Odd("nothing after the token", http(answer()[:-1] + b',"refresh_token":""}'))
    yield Odd("an older token before it", http(b'{"refresh_token":"' + OLDER.encode() + b'",' + answer()[1:]))
    yield Odd("every key twice", http(answer()[:-1] + b"," + answer()[1:]))
    yield Odd("upper-case keys", http(json.dumps({k.upper(): v for k, v in _WHOLE.items()}).encode()))
    camel = {"accessToken": ACCESS, "refreshToken": REFRESH, "expiresIn": 600}
    yield Odd("camel-case keys", http(json.dumps(camel).encode()))
    yield Odd("an error beside the tokens", http(answer(error="none")))
    yield Odd("escaped slashes", http(answer().replace(b"/", b"\\/")))
    yield Odd("escaped exclamation mark", http(answer().replace(b"!", b"\\u0021")))
    yield Odd("an escaped key", http(answer().replace(b"refresh_token", b"refresh\\u005ftoken")))


def _odd_forms() -> Iterator[Odd]:
    form = urlencode(_WHOLE).encode()
    yield Odd("in a list", http(b"[" + answer() + b"]"))
    yield Odd("in an object", http(b'{"data":' + answer() + b"}"))
    yield Odd("deep inside", http(b'{"d":{"results":[' + answer() + b"]}}"))
    yield Odd("JSON in a JSON text", http(json.dumps(answer().decode()).encode()))
    yield Odd("a form", http(form, "Content-Type: application/x-www-form-urlencoded"))
    yield Odd("a form called JSON", http(form))
    yield Odd(
        "XML",
        http(
            f"<t><access_token>{ACCESS}</access_token><refresh_token>{REFRESH}</refresh_token></t>".encode()
        ),
    )
    yield Odd("in a page", http(b"<html><pre>" + answer() + b"</pre></html>", "Content-Type: text/html"))
    yield Odd(
        "in a page, escaped",
        http(f"<pre>{html.escape(answer().decode())}</pre>".encode(), "Content-Type: text/html"),
    )
    yield Odd("JSONP", http(b"callback(" + answer() + b");"))
    yield Odd("a guard before it", http(b")]}',\n" + answer()))
    yield Odd("garbage after it", http(answer() + b"\n<!-- gateway 7 -->"))
    yield Odd("two documents", http(answer(refresh_token=OLDER) + answer()))
    yield Odd("a comma too many", http(answer()[:-1] + b",}"))
    yield Odd("single quotes", http(answer().replace(b'"', b"'")))
    yield Odd("keys without quotes", http(answer().replace(b'"refresh_token"', b"refresh_token")))
    yield Odd("its last brace missing", http(answer()[:-1]))
    yield Odd("not JSON, escaped slashes", http(answer()[:-1].replace(b"/", b"\\/")))
    yield Odd("not JSON, escaped exclamation mark", http(answer()[:-1].replace(b"!", b"\\u0021")))
    yield Odd("too deep to be read", http(answer()[:-1] + b',"x":' + b"[" * 20_000))


def _odd_encodings() -> Iterator[Odd]:
    for name in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield Odd(name, http(answer().decode().encode(name)))
    yield Odd("Latin-1 in another field", http(answer()[:-1] + b',"name":"caf\xe9"}'))
    packed = gzip.compress(answer())
    yield Odd("gzip", http(packed, "Content-Encoding: gzip"))
    yield Odd("gzip, unsaid", http(packed))
    yield Odd("gzip, its end missing", http(packed[:-6], "Content-Encoding: gzip"))
    yield Odd("deflate", http(zlib.compress(answer()), "Content-Encoding: deflate"))
    yield Odd("plain, called gzip", http(answer(), "Content-Encoding: gzip"))
    yield Odd("plain, called br", http(answer(), "Content-Encoding: br"))
    yield Odd(
        "a bomb behind the tokens",
        http(gzip.compress(answer() + b" " * 20_000_000), "Content-Encoding: gzip"),
    )


def _odd_wires() -> Iterator[Odd]:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    yield Odd("no content type", http(answer(), "X-Nothing: here"))
    yield Odd("called a page", http(answer(), "Content-Type: text/html"))
    yield Odd("201", http(answer(), status="201 Created"))
    yield Odd("a pair with 400", http(answer(error="access_denied"), status="400 Bad Request"))
    yield Odd("a pair with 500", http(answer(), status="500 Oops"))
    yield Odd("a pair with 302", http(answer(), "Location: http://elsewhere.example/", "302 Found"))
    yield Odd("no length", head + b"\r\n" + answer())
    yield Odd("a greater length", head + b"Content-Length: 900\r\n\r\n" + answer())
    yield Odd("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\n" + answer())
    yield Odd("100 first", b"HTTP/1.1 100 Continue\r\n\r\n" + http(answer()))
    yield Odd("in chunks of one", chunked(*(answer()[n : n + 1] for n in range(len(answer())))))
    yield Odd("cut between chunks", chunked(answer(), end=False))
    yield Odd("a broken chunk after the token", chunked(answer(), end=False) + b"zz\r\n")
    yield Odd("half a form, its token whole", chunked(f"refresh_token={REFRESH}&acc".encode(), end=False))
    yield Odd("1 MB", http(answer()[:-1] + b',"x":"' + b"x" * 1_000_000 + b'"}'))
    yield Odd("300 KB of blanks after it", http(answer() + b" " * 300_000))


def _without_a_token() -> Iterator[Odd]:
    nothing: dict[str, bytes] = {
        "empty": http(b""),
        "null": http(b"null"),
        "a list": http(b"[1,2]"),
        "a text": http(b'"refresh_token"'),
        "deep": http(b"[" * 60_000),
        "no refresh token": http(answer(refresh_token=...)),
        "refresh token null": http(answer(refresh_token=None)),
        "refresh token with a space": http(answer(refresh_token="a b")),
        "refresh token of 20,000": http(answer(refresh_token="x" * 20_000)),
        "a bomb": http(gzip.compress(b" " * 20_000_000), "Content-Encoding: gzip"),
        "maintenance": http(b"<html>maintenance</html>", "Content-Type: text/html"),
        "cut in the token": http(answer()[:-20]),
        "cut in the token of a form": chunked(
            f"access_token={ACCESS}&refresh_token={REFRESH[:-9]}".encode(), end=False
        ),
        "cut in an escape": http(answer()[:-2] + b"\\"),
        "204": b"HTTP/1.1 204 No Content\r\n\r\n",
        "no HTTP": b"SSH-2.0-nobody\r\n",
        "hangs up": b"",
        "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "only told back": http(b'{"error":"x","refresh_token":"spent"}', status="400 Bad Request"),
        "told back with 200": http(b'{"grant_type":"refresh_token","refresh_token":"spent"}'),
    }
    yield from (Odd(name, raw, kept=False) for name, raw in nothing.items())
