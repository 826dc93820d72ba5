"""Which source files are changed, and which tests look at them: the one place that says so.

A part has patterns of sources and of tests, from the root of the project. Within these tests it is measured which ones
come by a line (``reach.py``), so a wide choice costs little. Left out are tests with a browser, those that start
processes of their own, which import the unchanged source, and the long searches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.making import ROOT


@dataclass(frozen=True)
class Part:
    """Sources and their tests; ``postgresql``: the sources whose rule is about that database."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    postgresql: tuple[str, ...] = ()

    def files(self) -> list[str]:
        return _found(self.sources)

    def test_files(self) -> list[str]:
        return _found(self.tests)


PARTS = (
    Part(
        tuple(f"core/exact/{name}.py" for name in ("answers", "oauth")),
        (
            *(f"tests/core/exact/test_{name}.py" for name in ("answers", "oauth", "client", "rules")),
            "tests/core/tokens/test_odd_answers.py",
        ),
    ),
    Part(
        tuple(
            f"core/tokens/{name}.py"
            for name in (
                *("archive", "facts", "flights", "grants", "holdings", "journal", "lineage", "records"),
                *("replaying", "rotation", "slots", "spending", "vault"),
            )
        ),
        (
            *(
                f"tests/core/tokens/test_{name}.py"
                for name in (
                    *("facts", "flights", "grants", "slots", "vault", "rotation", "replaying", "odd_answers"),
                    *("key_change", "mishaps", "faults"),
                )
            ),
            "tests/core/registrations/test_consent.py",
            "tests/core/keeping/test_keeper.py",
            "tests/security/test_storage.py",
        ),
        tuple(f"core/tokens/{name}.py" for name in ("grants", "rotation", "spending", "lineage")),
    ),
    Part(
        tuple(
            f"core/accounts/{name}.py"
            for name in (
                *(
                    "confirming",
                    "identities",
                    "invitations",
                    "knocks",
                    "last_admin",
                    "lockout",
                    "open_sessions",
                ),
                *(
                    "operators",
                    "passwords",
                    "roles",
                    "second_factor",
                    "second_step",
                    "sessions",
                    "signing_in",
                ),
                *("one_time_codes", "sso", "ways_in"),
            )
        ),
        (
            "tests/core/accounts/test_*.py",
            *(
                f"tests/dashboard/test_{name}.py"
                for name in (
                    "second_step",
                    "session_routes",
                    "signin",
                    "single_sign_on",
                    "cli",
                    "invitation_routes",
                )
            ),
            *(f"tests/pages/test_{name}.py" for name in ("account", "operators")),
            *(
                f"tests/security/test_{name}.py"
                for name in ("fresh_password", "roles", "sign_in", "sessions", "seams", "single_sign_on")
            ),
        ),
        tuple(f"core/accounts/{name}.py" for name in ("last_admin", "lockout", "knocks")),
    ),
    Part(
        tuple(
            f"core/registrations/{name}.py"
            for name in (
                *(
                    "budget",
                    "callback",
                    "checks",
                    "check_facts",
                    "consent",
                    "customer_links",
                    "decisions",
                    "facts",
                ),
                *("failures", "grants", "incident_rows", "incidents", "issues", "link_claims", "outcomes"),
                *("overruling", "rounds", "schedule", "settle", "status", "takeover"),
            )
        ),
        (
            "tests/core/registrations/test_*.py",
            "tests/core/keeping/test_keeper.py",
            "tests/core/alarms/test_delivery.py",
            *(f"tests/core/audit/test_{name}.py" for name in ("consents", "use_cases")),
            "tests/core/tokens/test_mishaps.py",
            "tests/dashboard/test_routes_consent.py",
            *(f"tests/pages/test_{name}.py" for name in ("truth", "registration", "choose", "lifeline")),
            *(f"tests/security/test_{name}.py" for name in ("own_registrations", "oauth_client")),
        ),
        tuple(
            f"core/registrations/{name}.py"
            for name in ("budget", "decisions", "link_claims", "settle", "rounds")
        ),
    ),
    Part(
        (
            "dashboard/routes*.py",
            *(
                f"dashboard/{name}.py"
                for name in (
                    "cookies",
                    "doors",
                    "forms",
                    "messages",
                    "middleware",
                    "origin",
                    "proxies",
                    "visitor",
                )
            ),
        ),
        (
            *(
                f"tests/dashboard/test_{name}.py"
                for name in (
                    *(
                        "frame_page",
                        "invitation_routes",
                        "messages",
                        "proxies",
                        "routes_consent",
                        "routes_export",
                    ),
                    *("second_step", "session_routes", "single_sign_on", "sockets"),
                )
            ),
            *(f"tests/security/test_{name}.py" for name in ("web", "seams", "audit", "logs", "sessions")),
        ),
    ),
)


def _found(patterns: tuple[str, ...]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in _paths(patterns)]


def _paths(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        found = sorted(ROOT.glob(pattern))
        if not found:
            raise FileNotFoundError(f"tests/mutants/table.py names {pattern}, and no file is called so")
        yield from found
