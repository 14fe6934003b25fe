"""Times to the first token: one compiled pass against a plainly written simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.economics.kv.loading import Link
from netyield.economics.kv.timeline import first_tokens


@dataclass
class Job:
    arrival: float
    replica: int
    compute: float
    loads: list[tuple[int, float]]  # link, seconds


def slow(jobs: list[Job], overlap: bool) -> list[float]:
    """Resources as lists of what they are busy with; each serves in order of arrival."""
    links: dict[int, list[tuple[float, float]]] = {}
    servers: dict[int, list[tuple[float, float]]] = {}
    found = []
    for job in jobs:
        there = [job.arrival]
        for link, seconds in job.loads:
            if seconds > 0:
                busy = links.setdefault(link, [])
                begin = max([job.arrival, *(end for _, end in busy)])
                busy.append((begin, begin + seconds))
                there.append(begin + seconds)
        served = servers.setdefault(job.replica, [])
        begin = max([job.arrival, *(end for _, end in served)])
        if overlap:
            done = max(begin + job.compute, max(there))
        else:
            begin = max(begin, max(there))
            done = begin + job.compute
        served.append((begin, done))
        found.append(done - job.arrival)
    return found


seconds = st.floats(0, 5, allow_nan=False).map(lambda value: round(value, 3))
jobs = st.lists(
    st.tuples(seconds, st.integers(0, 2), seconds, st.lists(seconds, min_size=2, max_size=2)), min_size=1, max_size=40
)


@settings(deadline=None)
@given(jobs, st.booleans())
def test_the_pass_agrees_with_a_plain_simulation(
    drawn: list[tuple[float, int, float, list[float]]], overlap: bool
) -> None:
    clock = 0.0
    listed = []
    for gap, replica, compute, loads in drawn:
        clock += gap
        listed.append(Job(clock, replica, compute, [(replica, loads[0]), (3, loads[1])]))

    times = first_tokens(
        np.array([job.arrival for job in listed]),
        np.array([job.replica for job in listed], np.int32),
        np.array([job.compute for job in listed]),
        np.array([[job.loads[tier][1] for job in listed] for tier in (0, 1)]),
        np.array([[job.loads[tier][0] for job in listed] for tier in (0, 1)], np.int32),
        overlap=overlap,
    )

    assert times.ttft == pytest.approx(slow(listed, overlap), abs=1e-9)
    assert (times.waiting > -1e-9).all()


def test_overlap_never_takes_longer() -> None:
    one = (np.zeros(1), np.zeros(1, np.int32), np.array([2.0]), np.array([[3.0]]), np.zeros((1, 1), np.int32))

    assert first_tokens(*one).ttft[0] == 5.0
    assert first_tokens(*one, overlap=True).ttft[0] == 3.0


@pytest.mark.parametrize(("size_bytes", "rate"), [(20e6, 36.5), (146e6, 95), (4.5e9, 142)])
def test_latency_and_bandwidth_fit_eight_published_roce_links(size_bytes: float, rate: float) -> None:
    assert Link(0.4e-3, 150).effective_gb_per_second(size_bytes) == pytest.approx(rate, rel=0.13)


def test_a_measured_table_is_used_between_and_beyond_its_points() -> None:
    link = Link(0.0, 999, ((1e6, 1.0), (1e8, 3.0)))

    assert link.bandwidth(np.array([1e3, 1e6, 1e7, 1e8, 1e12])) == pytest.approx([1, 1, 2, 3, 3])
    assert link.times(2).bandwidth(np.array([1e7]))[0] == 4
    assert link.seconds(np.array([0.0]))[0] == 0
