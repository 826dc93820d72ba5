"""The file in which a served simulator remembers its tokens from one start to the next."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from core.simulator.config import SimulatorConfig
from core.simulator.engine import Engine


def open_engine(config: SimulatorConfig, path: Path | None) -> Engine:
    """An engine that goes on from ``path``, or a fresh one when there is no such file.

    Raises ``ValueError`` when the file is not a snapshot of this simulator.
    """
    if path is None or not path.exists():
        return Engine(config)
    try:
        return Engine.restore(config, json.loads(path.read_text("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise ValueError(f"{path} is not a state of the simulator; delete it to start afresh") from wrong


class StateFile:
    """Writes an engine's state whenever it has changed; safe to use from many threads."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._path = path
        self._lock = threading.Lock()
        self._saved = -1

    def save(self) -> None:
        """Replace the file in one step, so that a kill leaves either the old state or the new one."""
        with self._lock:
            changes = self._engine.changes
            if changes == self._saved:
                return
            text = json.dumps(self._engine.snapshot())
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_name(f"{self._path.name}.new")
            with open(draft, "w", encoding="utf-8", opener=_private) as file:
                file.write(text)
            draft.replace(self._path)
            self._saved = changes


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
