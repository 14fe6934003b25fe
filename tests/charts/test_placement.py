"""Charts of a placement: every option a band, every uncertain input a bar, every recorded hour a point, and the surface of the cheapest."""

from __future__ import annotations

from datetime import date

import numpy as np

from netyield.answers import break_even, placement
from netyield.answers.answer import Answer
from netyield.charts.drawings import drawings
from netyield.economics.placement.capacity import Capacity, Level
from netyield.economics.placement.options import parse_options
from netyield.project.placement import case_of, demand_of

QUOTE = {"dated": "2026-11-01", "source": "a quote"}
OPTIONS = [
    {"kind": "api", "name": "API", "input": 1.2, "cache_read": 0.12, "output": 4.0, **QUOTE},
    {"kind": "rent", "name": "rented", "gpu": "h200", "usd_per_gpu_hour": [2, 2.6, 3], "term": "12 months", **QUOTE},
    {"kind": "own", "name": "owned", "gpu": "h200"},
]  # fmt: skip


def answers() -> list[Answer]:
    arrival = np.arange(0.0, 10_800.0, 0.6)
    tokens = np.full(len(arrival), 800, np.int64)
    demand = demand_of("a model", arrival, tokens, tokens // 4, tokens // 2, "generated")
    capacity = Capacity("h200", 8, (Level(0.5, 2, 0.7), Level(1.0, 3, 0.9), Level(2.0, 5, 0.95)), 0.18, "a table")
    options = parse_options({"option": OPTIONS})
    return [
        module.answer(case_of(demand, options, {"h200": capacity}, date(2026, 11, 22), 100)) for module in (placement, break_even)
    ]


def test_bands_tornado_and_surface() -> None:
    compared, curve = answers()
    bands, tornado, week = drawings(compared)
    (surface,) = drawings(curve)

    assert len(bands.sentences) == 3
    assert all(each.split(":")[0] in sentence for each, sentence in zip(("API", "rented", "owned"), bands.sentences, strict=True))
    assert any("service time" in sentence or "weekly peak" in sentence for sentence in tornado.sentences)
    assert len(week.sentences) == compared.views["utilisation_by_hour"][0].num_rows >= 6
    assert all(sentence.split(",")[0] in ("rented", "owned") for sentence in week.sentences)
    assert len(surface.sentences) == curve.views["surface"][0].num_rows
    assert {"layer"} <= set(surface.spec)
