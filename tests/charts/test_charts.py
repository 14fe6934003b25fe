"""Every chart keeps the rules that were measured on real renderers (the sixteen traps of Vega-Lite)."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import sample_answers as sample
from kv_traces import made_trace

from netyield.answers import kv_curve as hit_curve
from netyield.answers.answer import Answer
from netyield.charts import fleet, reconciliation, unit_cost, waterfall
from netyield.charts.drawing import MARKS_LIMIT, Drawing, TooManyMarks
from netyield.charts.drawings import drawings
from netyield.economics.kv.replay import Policy


def allocation() -> Answer:
    table = pa.table(
        {
            "slice": ["search", sample.HOSTILE],
            "direct_amount": sample.money(["10", "5"]),
            "loaded_amount": sample.money(["15.5", None]),
            "share": pa.array([0.7, None], pa.float64()),
            "method": ["time slot", ""],
            "low_amount": sample.money(["9", None]),
            "high_amount": sample.money(["12", None]),
        }
    )
    return sample.answer("allocation", "Who pays", table, (), "search pays most.")


def kv_curve() -> Answer:
    """Two policies on a small trace."""
    requests = [[n % 7, n % 3, n % 2] for n in range(60)]
    trace = made_trace(requests, [12] * len(requests))
    return hit_curve.answer(trace, hit_curve.Question(policies=(Policy.LRU, Policy.FIFO), capacities=(4, 16, 64)))


ALL = [*sample.every_answer(), allocation(), kv_curve()]
DRAWN = [(f"{answer.name}-{number}", each) for number, answer in enumerate(ALL) for each in drawings(answer)]
every_chart = pytest.mark.parametrize("drawing", [each for _, each in DRAWN], ids=[name for name, _ in DRAWN])


def walk(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every (path, value) of a specification."""
    yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from walk(value, f"{path}.{key}")
    elif isinstance(node, list):
        for value in node:
            yield from walk(value, path)


def values_of(spec: Any) -> Iterator[dict[str, Any]]:
    for path, node in walk(spec):
        if path.endswith(".values") and isinstance(node, dict):
            yield node


def test_every_answer_but_the_mappings_has_a_chart() -> None:
    assert {name.rpartition("-")[0] for name, _ in DRAWN} == {answer.name for answer in ALL} - {"mapping"}


@every_chart
def test_rules_3_and_4_the_data_are_plain_json(drawing: Drawing) -> None:
    text = json.dumps(drawing.spec, allow_nan=False)
    assert "NaN" not in text
    assert "Decimal" not in text


@every_chart
def test_rule_5_and_6_times_are_utc_with_a_zone(drawing: Drawing) -> None:
    for _, node in walk(drawing.spec):
        if isinstance(node, dict) and node.get("type") == "temporal" and "field" in node and "scale" in node:
            assert node["scale"]["type"] == "utc"
    for row in values_of(drawing.spec):
        for name in ("day", "since", "until", "middle"):
            assert name not in row or row[name].endswith("Z")


@every_chart
def test_rule_7_every_drawn_mark_has_the_answers_words(drawing: Drawing) -> None:
    layers = drawing.spec.get("layer", [drawing.spec])
    for layer in layers:
        mark = layer["mark"]
        assert mark.get("aria") is False or layer["encoding"]["description"]["field"] == "sentence"
    assert drawing.description
    assert all(drawing.sentences)


@every_chart
def test_rules_12_to_16_nothing_leads_outside(drawing: Drawing) -> None:
    paths = {path.rpartition(".")[2] for path, _ in walk(drawing.spec)}
    assert not paths & {"href", "url"}
    text = json.dumps({**drawing.spec, "$schema": ""})
    assert "http" not in text


@every_chart
def test_field_names_are_plain(drawing: Drawing) -> None:
    fields = {
        node["field"] for _, node in walk(drawing.spec) if isinstance(node, dict) and isinstance(node.get("field"), str)
    }
    assert fields
    assert all(field.replace("_", "").isalnum() for field in fields)


@every_chart
def test_the_cursor_can_walk_every_row(drawing: Drawing) -> None:
    assert {param["name"] for param in drawing.spec["params"]} == {"cursor"}
    walked = {row["walk"] for row in values_of(drawing.spec) if "sentence" in row}
    assert walked == set(range(len(drawing.sentences)))


@every_chart
def test_charts_are_the_same_in_every_time_zone(drawing: Drawing) -> None:
    here = json.dumps(drawing.spec, sort_keys=True)
    for zone in ("Asia/Tokyo", "America/New_York"):
        before = os.environ.get("TZ")
        os.environ["TZ"] = zone
        time.tzset()
        try:
            again = [json.dumps(each.spec, sort_keys=True) for answer in ALL for each in drawings(answer)]
        finally:
            os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
            time.tzset()
        assert here in again


def test_rule_1_a_step_nothing_measured_keeps_its_place() -> None:
    drawn = waterfall.chart(sample.waterfall())
    bars = drawn.spec["layer"][0]
    assert bars["encoding"]["y"]["scale"]["domain"] == list(range(len(sample.STEPS)))
    place = [step[0] for step in sample.STEPS].index("fragmented")
    assert drawn.sentences[place] == "Fragmented (no slice fits): not measured"
    outlines = drawn.spec["layer"][-1]
    assert outlines["mark"]["fillOpacity"] == 0
    assert outlines["mark"]["strokeDash"]
    assert [row["walk"] for row in outlines["data"]["values"]] == [place]
    assert place not in [row["walk"] for row in bars["data"]["values"]]


def test_the_waterfalls_words_are_the_exact_amounts() -> None:
    drawn = waterfall.chart(sample.waterfall())
    assert "Unused commitment: $5,120.25, 4.8% (measured)" in drawn.sentences
    assert "Credits: -$1,500.00, -1.4% (measured)" in drawn.sentences


def test_rule_2_a_day_without_tokens_is_a_gap_and_no_upper_bound_has_no_band() -> None:
    panel = unit_cost.charts(sample.unit_cost())[0]
    points = {row["day"][:10]: row for row in values_of(panel.spec) if "day" in row}
    assert points["2026-10-10"]["usd_per_useful_mtok_low"] is None
    assert points["2026-10-05"]["usd_per_useful_mtok_low"] is not None
    assert points["2026-10-05"]["usd_per_useful_mtok_high"] is None
    assert "unbounded" in panel.sentences[4]
    assert "not measured" in panel.sentences[9]


def test_a_slice_missing_on_a_day_is_a_gap_not_a_bridge() -> None:
    answer = sample.unit_cost()
    table, columns = answer.views["trend"]
    shorter = pa.concat_tables([table.slice(0, 3), table.slice(4)])  # llama-3.3-70b has no row on 4 Oct
    panel = unit_cost.charts(
        sample.answer("unit_cost", "", answer.table, (), "x", views={"trend": (shorter, columns)})
    )[0]
    missing = [row for row in values_of(panel.spec) if row.get("day", "").startswith("2026-10-04")]
    assert missing[0]["usd_per_useful_mtok_low"] is None
    assert panel.sentences[3] == "2026-10-04: no tokens"


def test_more_than_six_panels_are_said_aloud_in_the_answers_order() -> None:
    answer = sample.unit_cost()
    names = [f"model-{n}" for n in range(9)]
    many = sample.answer("unit_cost", "", answer.table, (), "x", views={"trend": sample.trend(names)})
    panels = unit_cost.charts(many)
    assert [panel.title for panel in panels] == names[: unit_cost.PANELS_LIMIT]
    assert {panel.note for panel in panels} == {"6 of 9 drawn; the table has them all."}


def test_a_slice_of_which_nothing_is_known_has_no_panel_and_one_without_outcomes_a_dashed_line() -> None:
    answer = sample.unit_cost()
    table, columns = sample.trend(["known", "served only", "nothing"])
    empty = [None] * table.num_rows
    blank = {name: [None if n >= 14 else v for n, v in enumerate(table.column(name).to_pylist())] for name in (
        "usd_per_useful_mtok_low", "usd_per_useful_mtok_high")}  # fmt: skip
    for name, values in blank.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values, table.schema.field(name).type))
    served = table.column("usd_per_served_mtok").to_pylist()[:28] + empty[28:]
    place = table.column_names.index("usd_per_served_mtok")
    table = table.set_column(place, "usd_per_served_mtok", pa.array(served, table.schema.field(place).type))
    panels = unit_cost.charts(sample.answer("unit_cost", "", answer.table, (), "x", views={"trend": (table, columns)}))
    assert [panel.title for panel in panels] == ["known", "served only"]
    assert [layer["mark"]["type"] for layer in panels[1].spec["layer"]] == ["line", "point"]


def test_a_day_axis_names_each_day_at_most_once() -> None:
    panel = unit_cost.charts(sample.unit_cost())[0]
    (axis,) = {
        json.dumps(n["axis"]["values"])
        for _, n in walk(panel.spec)
        if isinstance(n, dict) and "values" in n.get("axis", {})
    }
    days = [(value["year"], value["month"], value["date"], value["utc"]) for value in json.loads(axis)]
    assert days == [(2026, 10, day, True) for day in (1, 4, 7, 10, 13)]


def test_an_amount_too_small_for_a_pixel_is_still_seen_and_zero_is_not() -> None:
    spec = reconciliation.chart(sample.reconciliation()).spec
    ticks = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "tick")
    assert [row["label"] for row in ticks["data"]["values"]] == [
        "Invoice",
        "Less purchases",
        "Amortisation",
        "Waterfall total",
    ]


def test_unknown_hours_look_different_from_idle() -> None:
    h100 = fleet.charts(sample.fleet())[0]
    rows = [row for row in values_of(h100.spec) if "look" in row]
    unknown = [row for row in rows if row["look"] == "unknown"]
    assert unknown
    assert all(row["percent"] is None for row in unknown)
    marks = [layer["mark"] for layer in h100.spec["layer"] if layer["data"]["values"][0]["look"] == "unknown"]
    assert {mark["type"] for mark in marks} == {"rect", "text"}  # an outline and a cross


def test_equal_neighbouring_hours_are_one_mark_and_cover_the_same_time() -> None:
    hours = 96
    h100, a100 = fleet.charts(sample.fleet(hours))
    resting = next(row for row in values_of(a100.spec) if row.get("look") == "not in use")
    assert (resting["since"], resting["until"]) == ("2026-10-01T00:00:00Z", "2026-10-05T00:00:00Z")
    for device in range(8):
        runs = [row for row in values_of(h100.spec) if row.get("device") == f"h100-a-gpu{device}"]
        spans = sorted({(row["since"], row["until"]) for row in runs})
        assert spans[0][0] == "2026-10-01T00:00:00Z"
        assert spans[-1][1] == "2026-10-05T00:00:00Z"
        assert all(earlier[1] == later[0] for earlier, later in itertools.pairwise(spans))


def test_rule_9_and_10_too_many_marks_are_refused_not_cut() -> None:
    rows = MARKS_LIMIT + 1
    table = pa.table(
        {"line": [f"line {n}" for n in range(rows)], "amount": sample.money(["1"] * rows), "note": [""] * rows}
    )
    with pytest.raises(TooManyMarks, match="5,001 marks"):
        reconciliation.chart(sample.answer("reconciliation", "", table, (), "x"))


def test_geometry_is_float_and_only_geometry() -> None:
    bars = waterfall.chart(sample.waterfall()).spec["layer"][0]["data"]["values"]
    assert all(isinstance(row["lo"], float) for row in bars)
    exact = Decimal("2200.123456789012")
    assert any(row["words"].startswith(f"${exact:,.2f}") for row in bars)


def test_daily_differences_keep_unknown_days_apart_from_zero() -> None:
    drawn = reconciliation.daily(sample.reconciliation())
    assert drawn is not None
    assert "2026-10-04, OpenAI gpt-5-mini: not measured" in drawn.sentences
    day = next(row for row in values_of(drawn.spec) if row.get("day") == "2026-10-04T00:00:00Z")
    assert day["difference"] is None


def test_a_slice_per_customer_is_drawn_in_part_and_said_so() -> None:
    answer = allocation()
    many = sample.answer("allocation", "", pa.concat_tables([answer.table] * 30), (), "x")
    (drawn,) = drawings(many)
    assert len(drawn.sentences) == 40
    assert drawn.note == "40 of 60 drawn; the table has them all."


def test_a_year_of_many_models_still_has_its_panels() -> None:
    answer = sample.unit_cost()
    table, columns = sample.trend([f"model-{n}" for n in range(400)])
    assert table.num_rows > MARKS_LIMIT
    many = sample.answer("unit_cost", "", answer.table, (), "x", views={"trend": (table, columns)})
    assert len(unit_cost.charts(many)) == unit_cost.PANELS_LIMIT
