"""What many lives came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass
class Figures:
    """What many lives came to."""

    lives: int = 0
    steps: int = 0
    registrations: int = 0
    days: float = 0.0
    kills: int = 0
    held: int = 0
    restored: int = 0
    lost_in_window: int = 0
    told: int = 0
    longest_lie: timedelta = timedelta(0)
    acts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)

    def told_in_words(self) -> str:
        """Everything, for whoever reads it in a terminal."""
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        ends = ", ".join(f"{name} {count}" for name, count in self.ends.most_common())
        return (
            f"{self.steps} steps in {self.lives} lives, {self.registrations} registrations, {self.days:.0f} simulated "
            f"days; {self.kills} processes ended, {self.held} acts held, {self.restored} backups restored; consents: "
            f"{ends}; {self.told} alarms; longest lie {self.longest_lie}; lost 0 (within the stated window "
            f"{self.lost_in_window}), stuck 0, false 0, doubled 0\n  faults: {kinds}"
        )
