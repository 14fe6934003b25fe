"""Failures, autoscaling and disaggregation: what they ask of a fleet, against simulations made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netyield.core.inference.hardware import find_gpu
from netyield.core.inference.models import find_model
from netyield.economics.serving import designs
from netyield.economics.serving.fewest import Sized, fewest, smallest
from netyield.economics.serving.fleet import Autoscaling, Failure, Fleet
from netyield.economics.serving.objective import parse_objectives
from netyield.economics.serving.roofline import Machine
from netyield.economics.serving.simulator import simulate, simulate_apart
from netyield.economics.serving.step_time import linear
from netyield.economics.serving.traffic import Traffic

STEP = linear(23.0e-3, 0.0673e-3, 2.27e-8, 0.0411e-3)
SLO = parse_objectives("ttft p99 < 1s, tpot p99 < 100ms")
FLEET = Fleet(STEP, 1, 10**9)


def steady(rate: float, seconds: float, inputs: int = 1000, outputs: int = 200, seed: int = 0) -> Traffic:
    rng = np.random.default_rng(seed)
    arrival = np.sort(rng.uniform(0, seconds, int(rate * seconds)))
    columns = [np.full(len(arrival), each, np.int64) for each in (inputs, 0, outputs)]
    return Traffic("made", arrival, *columns, seconds)


@pytest.mark.parametrize("near", [None, 2, 4, 7, 16])
@pytest.mark.parametrize("needed", [1, 2, 5, 8, 11])
def test_the_smallest_number_is_found(needed: int, near: int | None) -> None:
    asked: list[int] = []

    def at(number: int) -> Sized:
        asked.append(number)
        return Sized(number, number >= needed, {}, 1.0, 1.0, 1.0, 0, 0.0, number, 1.0)

    found, number = smallest(2, at, 16, near)
    assert number == max(needed, 2)
    assert found.replicas == number
    assert len(asked) == len(set(asked))  # nothing is simulated twice


def test_no_number_that_keeps_it_is_told_at_the_most() -> None:
    found, number = smallest(1, lambda n: Sized(n, False, {}, 0.0, 0.0, 0.0, 0, 0.0, n, 1.0), 16)
    assert (number, found.meets_slo) == (16, False)


def test_the_loss_of_a_replica_is_simulated_at_the_busiest_minute() -> None:
    quiet, busy = steady(5, 600), steady(60, 60, seed=1)
    arrival = np.concatenate([quiet.arrival_s, 600 + busy.arrival_s, 660 + quiet.arrival_s])
    columns = [np.full(len(arrival), each, np.int64) for each in (1000, 0, 200)]
    traffic = Traffic("made", arrival, *columns, 1260.0)
    assert designs.busiest_minute(traffic) == 600
    chosen = fewest(traffic, FLEET, SLO)
    deployed, failure = designs.survives(traffic, FLEET, SLO, chosen.replicas, 1, 3600.0)
    assert deployed >= chosen.replicas + 1
    by_hand = simulate(traffic, replace(FLEET, replicas=deployed, failures=(Failure(600.0, 0, 3600.0),)))
    assert failure.reached == SLO.reached(by_hand, traffic.arrival_s)
    assert failure.meets_slo
    # Without a spare one the same loss breaks the promise: the spare is needed, not a habit.
    bare = simulate(traffic, replace(FLEET, replicas=chosen.replicas, failures=(Failure(600.0, 0, 3600.0),)))
    assert not SLO.kept(SLO.reached(bare, traffic.arrival_s))


def test_a_lost_replica_serves_nobody_while_it_is_down_and_its_requests_begin_anew() -> None:
    traffic = steady(4, 300)
    served = simulate(traffic, replace(FLEET, replicas=2, failures=(Failure(100.0, 1, 50.0),)))
    down = (traffic.arrival_s > 100.0) & (traffic.arrival_s < 150.0)
    assert set(served.replica[down].tolist()) == {0}
    assert {0, 1} == set(served.replica[traffic.arrival_s > 150.0].tolist())
    assert served.preempted.sum() > 0
    assert np.isfinite(served.end_s).all()


def test_autoscaling_keeps_on_as_many_as_the_promise_needs_and_no_more() -> None:
    quiet, busy = steady(2, 3000), steady(40, 300, seed=1)
    arrival = np.concatenate([quiet.arrival_s, 3000 + busy.arrival_s, 3300 + quiet.arrival_s])
    columns = [np.full(len(arrival), each, np.int64) for each in (1000, 0, 200)]
    traffic = Traffic("made", arrival, *columns, 6300.0)
    static = fewest(traffic, FLEET, SLO)
    quick = designs.autoscaled(traffic, FLEET, SLO, static.replicas, Autoscaling(20, 1, 0.0, 60.0))
    cold = designs.autoscaled(traffic, FLEET, SLO, static.replicas, Autoscaling(20, 1, 277.0, 60.0))
    assert quick.sized.meets_slo
    assert cold.sized.meets_slo
    assert quick.least < cold.least <= static.replicas  # four and a half minutes are too late for a burst of five
    assert quick.sized.paid < 0.5 * static.paid == 0.5 * static.replicas
    assert quick.sized.utilisation > 2 * static.utilisation
    if cold.least > 1:
        fewer = replace(FLEET, replicas=static.replicas, autoscaling=Autoscaling(20, cold.least - 1, 277.0, 60.0))
        assert not SLO.kept(SLO.reached(simulate(traffic, fewer), traffic.arrival_s))


def test_prompts_apart_keep_a_promise_that_they_break_together() -> None:
    traffic = steady(3, 600, inputs=6000, outputs=150)
    tight = parse_objectives("ttft p99 < 3s, tpot p99 < 40ms")
    assert not fewest(traffic, FLEET, tight).replicas < 3
    split = designs.apart(traffic, FLEET, tight, 1e-6, 64)
    assert split.sized.meets_slo
    assert split.sized.replicas == split.prefill + split.decode
    served = simulate_apart(
        traffic, replace(FLEET, replicas=split.prefill), replace(FLEET, replicas=split.decode), 1e-6
    )
    assert split.sized.reached == tight.reached(served, traffic.arrival_s)
    for prefill, decode in ((split.prefill - 1, split.decode), (split.prefill, split.decode - 1)):
        if prefill and decode:
            less = simulate_apart(traffic, replace(FLEET, replicas=prefill), replace(FLEET, replicas=decode), 1e-6)
            assert not tight.kept(tight.reached(less, traffic.arrival_s))


def test_a_context_moves_at_the_speed_of_the_network() -> None:
    # Qwen3-32B: 64 layers, 8 KV heads of 128, keys and values of 2 bytes = 256 KiB a token, over 2 GPUs.
    machine = Machine(find_model("Qwen/Qwen3-32B"), find_gpu("h100"), 2, "fp8", "bf16")
    seconds = designs.transfer_seconds_per_token(machine)
    assert seconds == pytest.approx(64 * 8 * 128 * 2 * 2 / 2 / (find_gpu("h100").network_gb_per_second * 1e9))
