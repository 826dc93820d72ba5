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


def _in(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}.py" for name in names)


PARTS = (
    Part(
        _in("core/exact", "answers", "oauth"),
        _in("tests/core/exact", "test_answers", "test_oauth", "test_client"),
    ),
    Part(
        _in("core/registrations", "asking", "next_action"),
        _in("tests/core/registrations", "test_next_action", "test_status"),
    ),
    Part(
        _in("core/registrations", "incident_rules", "issues", "overruling", "schedule", "status"),
        _in(
            "tests/core/registrations",
            *(
                "test_incident_rules",
                "test_issues",
                "test_overruling",
                "test_problems",
                "test_schedule",
                "test_status",
                "test_budget",
            ),
        ),
        _in("core/registrations", "overruling"),
    ),
    Part(
        _in("core/tokens", "facts", "flights", "slots", "vault"),
        _in("tests/core/tokens", "test_facts", "test_flights", "test_slots", "test_vault"),
    ),
    Part(
        _in(
            "core/tokens",
            *(
                "archive",
                "grants",
                "holdings",
                "journal",
                "lineage",
                "records",
                "replaying",
                "rotation",
                "spending",
            ),
        ),
        _in(
            "tests/core/tokens",
            *("test_grants", "test_rotation", "test_replaying", "test_odd_answers", "test_key_change"),
            *("test_mishaps", "test_faults", "test_records", "test_vault", "test_plan"),
        ),
        _in("core/tokens", "grants", "lineage", "rotation", "spending"),
    ),
    Part(
        _in(
            "core/accounts",
            *(
                "knocks",
                "last_admin",
                "lockout",
                "one_time_codes",
                "passwords",
                "roles",
            ),
        ),
        (
            *_in("tests/core/accounts", "test_audited", "test_knocks", "test_limits", "test_lockout"),
            "tests/core/accounts/test_waiting.py",
            *_in("tests/core/accounts", "test_operators", "test_passwords", "test_second_factor"),
            *_in("tests/security", "test_roles", "test_sign_in"),
        ),
        _in("core/accounts", "knocks", "last_admin", "lockout"),
    ),
    Part(
        _in(
            "core/accounts",
            *("confirming", "open_sessions", "second_factor", "second_step", "sessions", "signing_in"),
        ),
        (
            *_in(
                "tests/core/accounts", "test_audited", "test_bystanders", "test_limits", "test_second_factor"
            ),
            "tests/core/accounts/test_sessions.py",
            *_in("tests/security", "test_fresh_password", "test_roles", "test_sessions", "test_sign_in"),
        ),
    ),
    Part(
        _in("core/accounts", "identities", "invitations", "operators", "sso", "ways_in"),
        (
            *_in(
                "tests/core/accounts", "test_audited", "test_bystanders", "test_invitations", "test_operators"
            ),
            *_in("tests/core/accounts", "test_limits", "test_sso"),
            *_in("tests/dashboard", "test_invitation_routes", "test_single_sign_on"),
            "tests/security/test_single_sign_on.py",
        ),
    ),
    Part(
        _in(
            "core/registrations",
            *(
                "callback",
                "consent",
                "customer_links",
                "decisions",
                "grants",
                "link_claims",
                "outcomes",
                "takeover",
            ),
        ),
        (
            *_in("tests/core/registrations", "test_attempts", "test_bystanders", "test_consent"),
            *_in("tests/core/registrations", "test_customer_links", "test_left_overs", "test_shared_login"),
            *_in("tests/core/registrations", "test_shared_logins", "test_unknown_owners"),
            "tests/core/audit/test_consents.py",
            "tests/core/tokens/test_mishaps.py",
            "tests/dashboard/test_routes_consent.py",
            "tests/security/test_oauth_client.py",
        ),
        _in("core/registrations", "decisions", "link_claims"),
    ),
    Part(
        _in(
            "core/registrations",
            *(
                "budget",
                "check_facts",
                "checks",
                "facts",
                "failures",
                "incident_rows",
                "incidents",
                "rounds",
                "settle",
                "telling",
            ),
        ),
        (
            *_in("tests/core/registrations", "test_budget", "test_checks", "test_incidents", "test_issues"),
            *_in("tests/core/registrations", "test_facts", "test_settle", "test_shared_login"),
            *_in(
                "tests/core/registrations",
                "test_asking",
                "test_mass_refusals",
                "test_our_journal",
                "test_refused_calls",
            ),
            *_in("tests/core/registrations", "test_shared_logins", "test_telling", "test_token_in_a_check"),
            "tests/core/keeping/test_keeper.py",
        ),
        _in("core/registrations", "budget", "rounds", "settle"),
    ),
    Part(
        (
            "dashboard/routes*.py",
            *_in(
                "dashboard",
                "cookies",
                "doors",
                "forms",
                "messages",
                "middleware",
                "origin",
                "proxies",
                "visitor",
            ),
        ),
        (
            *_in(
                "tests/dashboard",
                "test_consent_ends",
                "test_frame_page",
                "test_invitation_routes",
                "test_messages",
                "test_proxies",
            ),
            *_in("tests/dashboard", "test_origin", "test_routes_consent", "test_routes_export"),
            "tests/dashboard/test_second_step.py",
            *_in(
                "tests/dashboard", "test_session_routes", "test_shield", "test_single_sign_on", "test_sockets"
            ),
            *_in("tests/security", "test_audit", "test_logs", "test_seams", "test_sessions", "test_web"),
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
