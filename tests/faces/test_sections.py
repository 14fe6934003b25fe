"""The printed tables: which columns, which words, no machine names, no geometry."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import sample_answers as sample

from netyield.charts import theme
from netyield.faces.sections import Section, section, sections, view_section


def printed(found: Section) -> list[dict[str, str]]:
    names = [header.name for header in found.headers]
    return [dict(zip(names, [cell.text for cell in row], strict=True)) for row in found.rows]


def test_the_waterfall_shows_every_step_and_names_the_unmeasured() -> None:
    rows = printed(section(sample.waterfall()))
    assert len(rows) == len(sample.STEPS)
    assert rows[0] == {
        "Step": "Unused commitment", "Amount": "$5,120.25", "Share": "4.8%", "Evidence": "measured",
        "Note": "bill rows marked Unused",
    }  # fmt: skip
    assert rows[3]["Amount"] == rows[3]["Share"] == "not measured"


def test_the_waterfall_knows_its_kinds_and_what_to_explain() -> None:
    found = section(sample.waterfall())
    assert found.kinds[0] == theme.LOST
    assert found.keys[4] == "waterfall/idle"


def test_bounds_become_one_interval() -> None:
    rows = printed(section(sample.unit_cost()))
    assert rows[0]["Per useful Mtok"] == "$11.69 to $17.98"
    assert rows[0]["Useful tokens"] == "3.9B to 6B"
    assert rows[1]["Per useful Mtok"] == "from $9.64, unbounded"
    assert rows[2]["Per useful Mtok"] == "not measured"


def test_states_have_a_table_of_their_own_and_those_nobody_was_in_no_column() -> None:
    answer = sample.fleet()
    none_down = answer.table.append_column("hours_down", pa.array([0.0, 0.0]))
    main, states = sections(replace(answer, table=none_down))
    assert "Activity" in [header.name for header in main.headers]
    assert [header.name for header in states.headers] == ["Pool", "Active", "Idle", "Unallocated", "Unknown"]


def test_an_answer_without_a_layout_shows_all_its_columns() -> None:
    answer = sample.answer(
        "new", "New", pa.table({"line": ["a"], "lo": [1.0], "amount": sample.money(["2"])}),
        sample.columns("line:text::", "lo:number::", "amount:money:currency:"), "x",
    )  # fmt: skip
    assert printed(section(answer)) == [{"Line": "a", "Amount": "$2.00"}]


def test_views_print_whole() -> None:
    found = view_section(sample.unit_cost(), "trend")
    assert found.headers[0].name == "Day"
    assert len(found.rows) == 28


def test_an_empty_answer_has_headers_and_no_rows() -> None:
    answer = sample.usefulness()
    found = section(replace(answer, table=answer.table.slice(0, 0)))
    assert found.rows == ()
    assert found.headers[0].name == "Verdict"
