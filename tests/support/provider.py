"""A real OpenID Connect provider on this machine, in a process of its own: signs tokens for whoever is typed in."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.support.live import end, free_port, get

NAME = "Contoso"
CLIENT_ID = "clickker"
START_SECONDS = 60.0


@dataclass(frozen=True)
class Provider:
    """Where it listens. The host is another site than the dashboard's "localhost", as in real life."""

    port: int

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """Our settings for it, without the prefix CLICKKER_."""
        return {
            "SSO__NAME": NAME,
            "SSO__CLIENT_ID": CLIENT_ID,
            "SSO__CLIENT_SECRET": "not a secret here",
            "SSO__METADATA_URL": f"{self.issuer}/.well-known/openid-configuration",
        }

    def says(self, subject: str, **claims: object) -> None:
        """Put these claims into the tokens of ``subject``, in the place of what would be there."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Serve until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--host", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while get(port, "/.well-known/openid-configuration") != 200:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the provider did not start")
            time.sleep(0.05)
        yield Provider(port)
    finally:
        end(process)
