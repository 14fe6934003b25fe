"""How much CPU does ``netyield --help`` take? The budget is 0.4 CPU-seconds.

CPU-seconds (user + system) of the whole process, as the entry point starts it; best and median of several runs, after
one that fills the caches. Beside it stands a bare interpreter, the physical limit of a Python command, and the help of
each verb. Exits with 1 above the budget.

    python benchmarks/bench_cli.py [runs]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

BUDGET_CPU_SECONDS = 0.4
ENTRY = "from netyield.faces.cli.main import run; run()"
VERBS = ("init", "ingest", "report", "explain", "check", "close", "export", "demo", "doctor")


def cpu_seconds(*words: str) -> float:
    """User and system time of one process."""
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        message = f"{words} ended with {process.returncode}"
        raise SystemExit(message)
    return used.ru_utime + used.ru_stime


def measure(runs: int, *words: str) -> dict[str, float]:
    """Best and median over ``runs`` runs, after one that is not counted."""
    cpu_seconds(*words)
    costs = [cpu_seconds(*words) for _ in range(runs)]
    return {"best": round(min(costs), 3), "median": round(statistics.median(costs), 3)}


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    found = {
        "netyield --help": measure(runs, "-c", ENTRY, "--help"),
        "bare python": measure(runs, "-c", "pass"),
        **{f"netyield {verb} --help": measure(1, "-c", ENTRY, verb, "--help") for verb in VERBS},
    }
    for name, cost in found.items():
        print(f"{name:<26} {cost['best']:.3f} CPU-s best, {cost['median']:.3f} median")
    within = found["netyield --help"]["median"] <= BUDGET_CPU_SECONDS
    print(json.dumps({"benchmark": "cli_help", "budget_cpu_seconds": BUDGET_CPU_SECONDS, "within": within, **found}))
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
