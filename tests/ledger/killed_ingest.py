"""Run by test_ingest_killed: ingest again and again, each run killed with SIGKILL at a random moment.

Arguments: the folder, the seconds to go on, a seed. The runs are forked from this process, which has imported
everything and started no thread. Prints how many runs were killed and how many ended.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from fake_source import NOW, Fake, Given, at, attempt, charge, outcome

from netyield.ledger.ingest import ingest
from netyield.store.folder import Folder


def sources() -> dict[str, Fake]:
    """Traffic with versions and overlaps, outcomes early and late, a bill that is redelivered."""
    logs = [
        Given(f"log{n}", {"attempts": [attempt(f"a{k}", k, response_id=f"r{k}", out_text=n) for k in range(n, n + 4)]},
              cursor={"log": n}, raw=f"log {n}".encode())
        for n in range(12)
    ]  # fmt: skip
    marks = [Given(f"m{n}", {"outcomes": [outcome(f"o{n}", "response_id", f"r{2 * n}", 30)]}) for n in range(4)]
    key = ("Cloud|1|2026-11-01T00:00:00Z",)
    bills = [
        Given(f"bill{n}", {"charges": [charge(f"{n}-{k}", f"{n}.{k}", at(0)) for k in range(3)]}, "snapshot",
              snapshot_keys=key, cursor={"bill": n})
        for n in range(4)
    ]  # fmt: skip
    return {"marks": Fake(*marks), "log": Fake(*logs), "bill": Fake(*bills)}


def main() -> None:
    root, seconds, rng = Path(sys.argv[1]), float(sys.argv[2]), random.Random(int(sys.argv[3]))
    killed = ended = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        folder = Folder(root / str(ended))
        child = os.fork()
        if child == 0:
            ingest(Folder.create(folder.root), sources(), now=NOW)
            os._exit(0)
        time.sleep(rng.uniform(0.02, 0.7))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            killed += 1
        elif os.WEXITSTATUS(status) == 0:
            ended += 1
        else:
            sys.exit("an ingest after a kill failed")
    ingest(Folder.create(root / str(ended)), sources(), now=NOW)
    sys.stdout.write(f"{killed} {ended + 1}\n")


if __name__ == "__main__":
    main()
