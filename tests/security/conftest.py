"""What several groups of checks stand on."""

from __future__ import annotations

from tests.support.office import alice, link, office, signed_in, visitors

__all__ = ["alice", "link", "office", "signed_in", "visitors"]
