"""ServeGen clients: the rates, variations and lengths of their files come back in the requests drawn from them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from netyield.economics.serving.traffic import of_trace
from netyield.sources.traces import servegen
from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Trace

LENGTHS = {"input_tokens": "{100: 0.5, 300: 0.5}", "output_tokens": "{10: 0.25, 50: 0.75}"}


def client(folder: Path, number: int, rows: list[str], lengths: dict[str, dict[str, str]] | None = None) -> None:
    """The files of one client as alibaba/ServeGen lays them out: no header, chances as text."""
    folder.mkdir(exist_ok=True)
    (folder / f"chunk-{number}-trace.csv").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    told = {"0": LENGTHS} if lengths is None else lengths
    (folder / f"chunk-{number}-dataset.json").write_text(json.dumps(told), encoding="utf-8")


def variation(trace: Trace) -> float:
    gaps = np.diff(trace.arrival_us)
    return float(gaps.std() / gaps.mean())


def test_a_window_has_its_rate_its_variation_and_its_lengths(tmp_path: Path) -> None:
    client(tmp_path, 1, ["0,20,2.0,Gamma,0.25,0.2", "600,40,2.0,Gamma,0.25,0.1"])
    trace = read_trace(tmp_path)
    assert trace.format == "servegen"
    first = trace.arrival_us < 600_000_000
    assert first.sum() == pytest.approx(20 * 600, rel=0.1)
    assert (~first).sum() == pytest.approx(40 * 600, rel=0.1)
    # A gamma of shape 1/4 varies by 2; of gaps that a window cuts short by little.
    assert float(np.diff(trace.arrival_us[first]).std() / np.diff(trace.arrival_us[first]).mean()) == pytest.approx(2, rel=0.1)
    assert set(trace.input_tokens.tolist()) == {100, 300}
    assert (trace.output_tokens == 50).mean() == pytest.approx(0.75, abs=0.02)
    assert [each.code for each in trace.findings] == ["trace.regenerated"]
    assert any("not recorded" in note for note in of_trace(trace).notes)


def test_weibull_gaps_vary_as_their_shape_says_and_clients_add_up(tmp_path: Path) -> None:
    client(tmp_path, 1, ["0,30,2.24,Weibull,0.5,0.017"])
    assert variation(read_trace(tmp_path)) == pytest.approx(5**0.5, rel=0.1)  # of shape 1/2: mean 2, variance 20
    client(tmp_path, 2, ["0,10,1,Gamma,1,1"], {"0": LENGTHS | {"input_tokens": "{7: 1.0}"}})
    both = read_trace(tmp_path)
    assert both.tenants == ("chunk-1-trace", "chunk-2-trace")
    assert (both.input_tokens == 7).sum() == (both.tenant == 1).sum() == pytest.approx(6000, rel=0.1)
    assert np.all(np.diff(both.arrival_us) >= 0)


def test_the_same_files_give_the_same_requests_and_one_file_is_enough(tmp_path: Path) -> None:
    client(tmp_path, 1, ["0,5,1,Gamma,1,1", "600,,,,,"])
    one, again = read_trace(tmp_path), read_trace(tmp_path / "chunk-1-trace.csv")
    assert one.arrival_us.tolist() == again.arrival_us.tolist()
    assert one.requests > 2000


def test_lengths_change_with_the_hour_they_are_told_for(tmp_path: Path) -> None:
    later = LENGTHS | {"input_tokens": "{9: 1.0}"}
    nothing = {"input_tokens": "{}", "output_tokens": "{}"}
    client(tmp_path, 1, ["0,5,1,Gamma,1,1", "1200,5,1,Gamma,1,1"], {"0": LENGTHS, "1200": later, "600": nothing})
    trace = read_trace(tmp_path)
    at = trace.arrival_us >= 1_199_000_000
    assert set(trace.input_tokens[at].tolist()) == {9}
    assert set(trace.input_tokens[~at].tolist()) == {100, 300}


def test_what_is_wrong_is_named_and_the_rest_is_drawn(tmp_path: Path) -> None:
    client(tmp_path, 1, ["0,5,1,Gamma,1,1", "600,5,1,Pareto,1,1", "1200,-5,1,Gamma,1,1", "1800,5,1,Gamma,nan,1"])
    client(tmp_path, 2, ["0,5,1,Gamma,1,1"])
    (tmp_path / "chunk-2-dataset.json").unlink()
    trace = read_trace(tmp_path)
    assert trace.requests == pytest.approx(3000, rel=0.1)
    codes = {each.code: each for each in trace.findings}
    assert codes["trace.no_lengths"].file == "chunk-2-trace.csv"
    refused = next(each for code, each in codes.items() if each.row == 2)
    assert refused.count == 3


def test_a_distribution_too_uneven_to_draw_ends(tmp_path: Path) -> None:
    client(tmp_path, 1, ["0,5,1,Weibull,0.001,1", "600,5,400,Gamma,0.00001,1"])
    assert read_trace(tmp_path).requests < 200_000


def test_no_more_are_drawn_than_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servegen, "MOST_REQUESTS", 5000)
    client(tmp_path, 1, [f"{second},5,1,Gamma,1,1" for second in range(0, 6000, 600)])
    trace = read_trace(tmp_path)
    assert trace.requests <= 5000
    assert "trace.cut" in [each.code for each in trace.findings]


def test_clients_without_any_rate_are_no_traffic(tmp_path: Path) -> None:
    client(tmp_path, 1, ["0,,,,,"])
    assert "trace.empty" in [each.code for each in read_trace(tmp_path).findings]
