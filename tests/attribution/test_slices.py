"""MIG shares against the published captures (H100 and H200, driver 590.48)."""

from __future__ import annotations

from typing import Any

from netyield.attribution.slices import STRANDED, fractions, parts_table


def row(name: str, sms: int, compute: int, memory: int | None, device: str = "g", total: int = 132) -> dict[str, Any]:
    return {
        "device": device,
        "slice": name,
        "multiprocessors": sms,
        "device_multiprocessors": total,
        "compute_slices": compute,
        "memory_slices": memory,
    }


H100 = [row("1", 60, 3, 4), row("2", 32, 2, 2), row("3", 16, 1, 1), row("4", 16, 1, 1)]
H200 = [row("1/0", 16, 3, 4), row("1/1", 32, 3, None), row("2/0", 32, 2, 2), row("3/0", 16, 1, 1), row("4/0", 16, 1, 1)]


def shares(slices: list[dict[str, Any]]) -> dict[str, float]:
    weights = fractions(slices)
    whole = sum(weight for _, weight in weights)
    return {name: weight / whole for name, weight in weights}


def test_h100_gives_the_published_shares() -> None:
    found = {name: round(share, 4) for name, share in shares(H100).items()}
    assert found == {"1": 0.4384, "2": 0.2505, "3": 0.1253, "4": 0.1253, STRANDED: 0.0606}


def test_h200_strands_20_of_132_and_splits_inside_an_instance_by_multiprocessors() -> None:
    found = shares(H200)
    assert abs(found[STRANDED] - 20 / 132) < 1e-12
    assert abs(found["1/1"] / found["1/0"] - 2) < 1e-12
    assert abs((found["1/0"] + found["1/1"]) / found["2/0"] - 7 / 4) < 1e-12


def test_parts_cover_the_device_without_gap_or_overlap() -> None:
    table = parts_table([*H100, *(dict(s, device="h") for s in H200)]).to_pylist()
    for device in ("g", "h"):
        edge = 0
        for part in (p for p in table if p["device"] == device):
            assert part["low"] == edge
            edge = part["high"]
        assert edge == next(p["parts"] for p in table if p["device"] == device)


def test_where_two_exporters_name_one_device_the_finer_layout_stands() -> None:
    table = parts_table([*H100, row("1/0", 60, 3, 4)]).to_pylist()
    assert [p["slice"] for p in table] == ["2", "3", "4", "1/0", STRANDED]


def test_unknown_multiprocessors_strand_nothing() -> None:
    assert STRANDED not in shares([row("1", 0, 3, 4), row("2", 0, 4, 4)])
