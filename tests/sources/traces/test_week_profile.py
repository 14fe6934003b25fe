"""A week's profile: every hour once, and the row that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from netyield.core.errors import NetyieldError
from netyield.sources.traces.week_profile import read_week

HEADER = "hour_of_week,times\n"


def written(path: Path, rows: list[str]) -> Path:
    path.write_text(HEADER + "\n".join(rows), encoding="utf-8")
    return path


def test_every_hour_once_in_any_order(tmp_path: Path) -> None:
    rows = [f"{hour},{hour / 100}" for hour in reversed(range(168))]
    assert read_week(written(tmp_path / "week.csv", rows)) == [hour / 100 for hour in range(168)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [("5,-1", "week.csv:7"), ("4,1", "week.csv:7"), ("168,1", "week.csv:7"), ("5,many", "week.csv:7"), ("5,nan", "week.csv:7")],
    ids=["negative", "twice", "beyond", "no number", "nan"],
)
def test_a_wrong_row_is_named(tmp_path: Path, changed: str, said: str) -> None:
    rows = [f"{hour},1" for hour in range(168)]
    rows[5] = changed
    with pytest.raises(NetyieldError, match=said):
        read_week(written(tmp_path / "week.csv", rows))


def test_an_hour_that_lacks_is_named_and_so_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NetyieldError, match="lacks hour 167"):
        read_week(written(tmp_path / "week.csv", [f"{hour},1" for hour in range(167)]))
    with pytest.raises(NetyieldError, match="cannot be read"):
        read_week(tmp_path / "none.csv")
