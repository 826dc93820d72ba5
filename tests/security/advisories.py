"""``make audit-dependencies``: what is known of the versions in requirements.lock, asked of PyPI's advisories."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

NOT_DONE = 2
"""Exit code when nobody could be asked: that is not a pass. ``make security`` goes on, and has said so."""
NOT_CHECKED = "Not checked for known holes: {}."
SECONDS = 300
LOCK = Path(__file__).parent.parent.parent / "requirements.lock"
COMMAND = ("--requirement", str(LOCK), "--require-hashes", "--disable-pip", "--progress-spinner", "off")


def audit() -> tuple[int, str]:
    """The exit code, and what to say: 0 nothing known, 1 something known, 2 not asked."""
    found = shutil.which("pip-audit", path=str(Path(sys.executable).parent)) or shutil.which("pip-audit")
    if found is None:
        return NOT_DONE, NOT_CHECKED.format("pip-audit is not installed (pipx install pip-audit)")
    try:
        done = subprocess.run([found, *COMMAND], capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return NOT_DONE, NOT_CHECKED.format("the advisory service did not answer in time")
    told = done.stdout + done.stderr
    if done.returncode == 0:
        return 0, told
    if "Found " in told and "known vulnerabilit" in told:
        return 1, told
    return NOT_DONE, NOT_CHECKED.format("the advisory service could not be asked") + "\n" + told[-500:]


if __name__ == "__main__":
    code, said = audit()
    sys.stdout.write(said.strip() + "\n")
    sys.exit(code)
