"""Drafts a migration: what the models have and the migrations so far do not make. For ``make migration``.

To freeze the first tables: delete the file of the first revision, run this with the message "First tables", and
read what it wrote; the search tables are added by hand.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from core.storage.database import Database
from core.storage.schema import MIGRATIONS, newest_revision, upgrade


def draft(message: str) -> Path:
    """Write the next migration beside the others and return its path. Raises ``ValueError`` without a message."""
    if not message.strip():
        raise ValueError('say what changes: make migration MESSAGE="Add a column"')
    number = f"{int(newest_revision() or 0) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/scratch.db")
        if newest_revision() is not None:
            upgrade(database)
        config = Config(attributes={})
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
        with database.engine.execution_options(clickker_write=True).begin() as connection:
            config.attributes["connection"] = connection
            written = command.revision(config, message, autogenerate=True, rev_id=number)
        database.dispose()
    assert written is not None
    assert not isinstance(written, list)
    return Path(written.path)


if __name__ == "__main__":
    path = draft(sys.argv[1])
    for step in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([Path(sys.executable).with_name("ruff"), *step, path], check=False)
    sys.stdout.write(f"{path}\n")
