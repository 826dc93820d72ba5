"""Every known message of Exact Online, as data: the one place where a message gets its meaning."""

from __future__ import annotations

from core.exact.kinds import FailureKind
from core.exact.rules.consent import ANSWERS, CONSENT_RULES, LOOKING, UNCONFIRMED
from core.exact.rules.first_consent import FIRST_CONSENT_RULES
from core.exact.rules.ours import OUR_RULES, UNKNOWN
from core.exact.rules.rights import RIGHTS_RULES
from core.exact.rules.rule import Reconnect, Rule, Who
from core.exact.rules.waiting import WAITING_RULES

__all__ = ["ANSWERS", "DEFAULTS", "LOOKING", "RULES", "UNCONFIRMED", "UNKNOWN", "Reconnect", "Rule", "Who"]

RULES: tuple[Rule, ...] = CONSENT_RULES + FIRST_CONSENT_RULES + RIGHTS_RULES + WAITING_RULES + OUR_RULES
"""Where two weak phrases stand in one text, the earlier rule counts."""

DEFAULTS: dict[FailureKind, Rule] = {rule.kind: rule for rule in RULES if rule.default and rule.kind}
"""What a kind of failure means when its message says no more; every kind has one."""
