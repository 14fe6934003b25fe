"""Peer programs that are only ever run beside ours, in a process and an environment of their own.

libcachesim is GPL-3.0: it is installed for the comparison alone, never imported by Netyield, its tests or this process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / ".venv-peers"
WANTED = ("kvcache-simulator==0.1.3", "libcachesim==0.3.5")


def peer_python() -> Path | None:
    """The interpreter of the peers' environment, made on the first call; None when it cannot be made."""
    python = FOLDER / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    ready = FOLDER / ".ready"
    if ready.exists() and ready.read_text() == str(WANTED):
        return python
    try:
        venv.create(FOLDER, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-qq", *WANTED]
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (subprocess.CalledProcessError, OSError) as reason:
        print(f"The peers could not be installed: {getattr(reason, 'stderr', '') or reason}")
        return None
    ready.write_text(str(WANTED))
    return python


def run_peer(python: Path, script: str, *words: object) -> dict[str, Any] | None:
    """What a peer's script prints as JSON on its last line; None when it fails, with the reason printed."""
    place = Path(__file__).parent / "peer_scripts" / script
    ran = subprocess.run([str(python), str(place), *map(str, words)], capture_output=True, text=True)
    if ran.returncode:
        print(f"{script} failed: {ran.stderr.strip().splitlines()[-1:]}")
        return None
    found: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
    return found
