"""Hears everything that the product says: logs of every level and logger, errors with their causes, output, pages."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from core.alarms import sending
from core.errors import ClickkerError

OUR_CALLS = "exact-call"
"""The thread in which the product calls Exact; httpx elsewhere is the browser of a test."""
THE_OTHER_SIDE = ("uvicorn", "faker", "hypothesis", "asyncio")
BROWSERS = ("httpx", "httpcore")


class Ears(logging.Handler):
    """Remembers what is said, and the secrets that nobody may say."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.said: list[str] = []
        self.secrets: dict[str, str] = {}
        self.loggers: set[str] = set()

    def keep(self, name: str, *secrets: str) -> None:
        """Nobody may say these, nor a good part of a long one."""
        for number, secret in enumerate(secrets):
            assert len(secret) >= 8, "too short to be told apart from a word"
            middle = len(secret) // 2
            self.secrets[f"{name} {number}"] = (
                secret[middle - 12 : middle + 12] if len(secret) > 40 else secret
            )

    def emit(self, record: logging.LogRecord) -> None:
        root = record.name.split(".")[0]
        if root in THE_OTHER_SIDE or (root in BROWSERS and record.threadName != OUR_CALLS):
            return
        self.loggers.add(root)
        self.said.append(f"{record.name}: {logging.Formatter().format(record)} {record.args!r}")

    def hear(self, *things: object) -> None:
        """What was returned, shown or printed."""
        for thing in things:
            self.said += [str(thing), repr(thing)]

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Whatever is raised in the block ends here, and is heard with all the causes that a traceback shows."""
        try:
            yield
        except Exception as error:
            cause: BaseException | None = error
            while cause is not None:
                self.hear(cause, cause.args, vars(cause) if isinstance(cause, ClickkerError) else "")
                cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
            self.said += traceback.format_exception(error)

    def told(self) -> list[str]:
        """Which secret was told, and by what; empty when all is well."""
        return [
            f"{name} in: {text[:300]}"
            for name, secret in self.secrets.items()
            for text in self.said
            if secret in text
        ]


@contextmanager
def all_ears() -> Iterator[Ears]:
    """Every logger speaks at DEBUG for as long as the block runs."""
    ears, root = Ears(), logging.getLogger()
    known = [each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    before = [(each, each.level, each.disabled, each.propagate) for each in (root, *known)]
    for each in known:
        each.setLevel(logging.NOTSET)
        each.disabled, each.propagate = False, True
    root.setLevel(logging.DEBUG)
    logging.getLogger("sqlalchemy").setLevel(logging.DEBUG)
    root.addHandler(ears)
    try:
        yield ears
    finally:
        root.removeHandler(ears)
        for each, level, disabled, propagate in before:
            each.setLevel(level)
            each.disabled, each.propagate = disabled, propagate
        logging.getLogger("sqlalchemy").setLevel(logging.NOTSET)
        sending._library.cache_clear()  # silences again what speaks of addresses
