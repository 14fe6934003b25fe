"""A project that answers with the sample answers and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import sample_answers as sample

from netyield.answers.answer import Answer
from netyield.core.finding import Finding
from netyield.core.period import Period
from netyield.project import Query
from netyield.sources.contract import Probe
from netyield.store.collection import Collectable

SAMPLES: dict[str, Callable[[Query], Answer]] = {
    "waterfall": lambda query: sample.waterfall(),
    "unit_cost": lambda query: sample.unit_cost(query.by or "model"),
    "fleet": lambda query: sample.fleet(),
    "usefulness": lambda query: sample.usefulness(),
    "reconciliation": lambda query: sample.reconciliation(),
    "mapping": lambda query: sample.mapping(),
}


@dataclass
class FakeProject:
    """Answers with samples and remembers what it was asked."""

    findings: list[Finding] = field(default_factory=list)
    asked: list[tuple[str, Query]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    config: Any = field(
        default_factory=lambda: SimpleNamespace(project=SimpleNamespace(name="Acme", timezone="UTC", history_days=400))
    )
    old: Collectable = field(default_factory=Collectable)

    def answer(self, name: str, query: Query, progress: Callable[[str, int], None] | None = None) -> Answer:
        self.asked.append((name, query))
        return SAMPLES[name](query)

    def explain(self, figure: str, query: Query, progress: Callable[[str, int], None] | None = None) -> Answer:
        self.asked.append((figure, query))
        return sample.explanation(figure)

    def ingest(self, progress: Callable[[str, int], None]) -> Any:
        progress("bill", 1_000)
        record = SimpleNamespace(source="bill", name="bill.csv", kind="immutable", rows={"charges": 1_000})
        return SimpleNamespace(findings=self.findings, booked=[record], skipped=2)

    def probe(self) -> dict[str, Probe]:
        found = Probe(True, "1 bill file, 1,000 rows", Period(sample.WINDOW.since, sample.WINDOW.until), 1_000, 9)
        return {"bill": found, "prom": Probe(False, "no answer", findings=tuple(self.findings))}

    def check(self) -> list[Finding]:
        return self.findings

    def close_month(self, month: str) -> None:
        self.closed.append(month)

    def history(self) -> Collectable:
        return self.old

    def manifest(self) -> Any:
        return SimpleNamespace(deliveries={"hash": object()})


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]
