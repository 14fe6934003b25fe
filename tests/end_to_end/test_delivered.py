"""The same deliveries give the same books: repeated, shuffled, interleaved, growing, overlapping, or killed midway."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from command import COMMAND, MakeProduct, Product
from focus_bill import GPU, bill, line
from litellm_calls import START, calls, spend_log
from report_contract import check

TOML = """
[[source]]
type = "focus"
path = "bill/*.csv"
delivery = "snapshot"
[[source]]
type = "gpu_csv"
path = "gpu/*.csv"
metric = "gpu_util_percent"
pool = "llm"
columns = {time = "t", device = "d", value = "v"}
interval_seconds = 300
[[source]]
type = "requests"
path = "requests/*.csv"
[source.columns]
time = "at"
end_time = "end"
request_id = "id"
model = "model"
team = "team"
input_tokens = "in"
output_tokens = "out"
status = "status"
[[source]]
type = "litellm"
path = "litellm/*.jsonl"
[[source]]
type = "outcomes"
path = "outcomes/*.jsonl"
columns = {time = "at", request_id = "call", verdict = "said"}
[[pool]]
name = "llm"
tags = {pool = "llm"}
models = ["my-own-model"]
"""
DAY = ("--since", "2026-03-02", "--until", "2026-03-03")
HEAD = "at,end,id,model,team,in,out,status\n"
SLOTS = 288  # five minutes each


def bill_of(cost: str) -> str:
    return bill(line(cost, **GPU, Tags='{"pool": "llm"}'), line("5", ServiceName="Amazon SageMaker"), line("-1", ChargeCategory="Credit"))


def request_rows(first: int, last: int) -> str:
    """A call in every slot but each fourth."""
    rows = []
    for n in range(first, last):
        start = START + timedelta(minutes=5 * n, seconds=7)
        if n % 4:
            end, team = start + timedelta(seconds=20 + n), "red" if n % 2 else "blue"
            rows.append(f"{start.isoformat()},{end.isoformat()},r{n},my-own-model,{team},900,{100 + n},ok\n")
    return "".join(rows)


def outcome_rows(first: int, last: int) -> str:
    return "".join(
        json.dumps({"at": (START + timedelta(minutes=5 * n + 4)).isoformat(), "call": f"r{n}", "said": "accepted" if n % 3 else "rejected"}) + "\n"
        for n in range(first, last) if n % 8 in (1, 3)
    )


def readings(first: int, last: int) -> str:
    return "t,d,v\n" + "".join(
        f"{(START + timedelta(minutes=5 * n)).isoformat()},gpu-0,{0 if n % 6 == 0 else 75}\n" for n in range(first, last)
    )


def deliveries() -> list[tuple[str, str]]:
    """Every file of the day, in six-hour parts."""
    found = [("bill/2026-03.csv", bill_of("24"))]
    parts = [(part, SLOTS * part // 4, SLOTS * (part + 1) // 4) for part in range(4)]
    api = calls(80)
    for part, first, last in parts:
        found += [
            (f"gpu/{part}.csv", readings(first, last)),
            (f"requests/{part}.csv", HEAD + request_rows(first, last)),
            (f"outcomes/{part}.jsonl", outcome_rows(first, last)),
            (f"litellm/{part}.jsonl", spend_log(api[20 * part:20 * part + 20])),
        ]
    return found


def said(product: Product) -> dict[str, Any]:
    """The whole answer but the moment it was asked; findings tell of the way the rows came, not of the books."""
    body = product.report(*DAY)
    check(body)
    return {key: value for key, value in body.items() if key not in {"as_of", "findings"}}


def put(product: Product, files: Iterable[tuple[str, str]]) -> None:
    for name, content in files:
        product.put(name, content)


@pytest.fixture(scope="session")
def at_once(make_shared: MakeProduct) -> Product:
    product = make_shared(TOML)
    put(product, deliveries())
    assert product.ingest().code == 0
    return product


def test_the_day_has_every_kind_of_evidence(at_once: Product) -> None:
    steps = check(at_once.report(*DAY))
    assert {"useful", "unproven", "wasted.rejected_by_user", "idle", "platform", "credits"} <= set(steps), steps
    assert abs(steps["idle"] - 4) < Decimal("1e-9")


def test_repeating_a_delivery_books_nothing(at_once: Product) -> None:
    before = said(at_once)
    again = at_once.ingest().body
    assert again["booked"] == []
    assert said(at_once) == before


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_and_interleaved_deliveries_give_the_same_books(at_once: Product, make: MakeProduct, seed: int) -> None:
    product = make(TOML)
    files = deliveries()
    random.Random(seed).shuffle(files)
    for start in range(0, len(files), 4):
        put(product, files[start:start + 4])
        product.run("ingest", "--json", "--fail-on", "never")
    put(product, files)  # everything once more
    assert product.ingest().body["booked"] == []
    assert said(product) == said(at_once)


def test_growing_logs_and_overlapping_files_give_the_same_books(at_once: Product, make: MakeProduct) -> None:
    product = make(TOML)
    put(product, [(name, text) for name, text in deliveries() if not name.startswith(("requests", "outcomes"))])
    for last in (50, 51, 200, SLOTS):
        product.put("requests/all.csv", HEAD + request_rows(0, last))
        product.put("outcomes/all.jsonl", outcome_rows(0, last))
        assert product.ingest().code == 0
    product.put("requests/resent.csv", HEAD + request_rows(100, 250))
    product.put("outcomes/resent.jsonl", outcome_rows(30, 90))
    assert product.ingest().code == 0
    assert said(product) == said(at_once)


def test_a_redelivered_bill_replaces_its_month(at_once: Product, make: MakeProduct) -> None:
    product = make(TOML)
    put(product, deliveries())
    product.put("bill/2026-03.csv", bill_of("99"))
    assert product.ingest().code == 0
    assert Decimal(product.report(*DAY)["total"]) - Decimal(at_once.report(*DAY)["total"]) == 75
    product.put("bill/2026-03.csv", bill_of("24"))
    assert product.ingest().code == 0
    assert said(product) == said(at_once)


def test_a_killed_ingest_run_again_gives_the_same_books(at_once: Product, make: MakeProduct) -> None:
    product = make(TOML)
    put(product, deliveries())
    draw = random.Random(20261121)
    killed, waited = 0, 0.4
    while killed < 6 and waited < 20:
        running = subprocess.Popen([*COMMAND, "ingest", "--project", str(product.root)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + waited * draw.uniform(0.8, 1.2)
        while running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
        _, err = running.communicate()
        assert b"Traceback" not in err
        if running.returncode != -signal.SIGKILL:
            assert running.returncode == 0
            break
        killed += 1
        waited *= 1.35
        # Between two runs anybody may read: the last good state, or a plain word that there is none.
        between = product.run("report", *DAY, "--json", "--fail-on", "never")
        assert between.code in {0, 2}, between.err
        if between.code == 0:
            check(between.body)
    assert killed
    assert product.ingest().code == 0
    assert said(product) == said(at_once)
