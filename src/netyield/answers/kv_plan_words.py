"""In which words is a cache plan told? The decision, its reason, an arrangement, every choice behind the figures."""

from __future__ import annotations

from netyield.economics.kv.needed import Needed
from netyield.economics.kv.outcome import Candidate, Rig
from netyield.economics.kv.plan import Option, Plan
from netyield.economics.kv.prepare import Machines
from netyield.economics.kv.replay import Policy
from netyield.economics.kv.tiers import Tier
from netyield.sources.traces.trace import Trace

HBM_ONLY = "HBM only"


def size_words(gb: float) -> str:
    """``512 GB``, ``7.68 TB``."""
    return f"{gb / 1e3:,.4g} TB" if gb >= 1e3 else f"{gb:,.4g} GB"


def sizes_words(candidate: Candidate, tiers: tuple[Tier, ...]) -> str:
    """``dram 512 GB + nvme 7.68 TB``; HBM only when nothing is below it."""
    held = [
        f"{tier.name} {size_words(size)}" for tier, size in zip(tiers, candidate.sizes_gb, strict=True) if size
    ]  # fmt: skip
    return " + ".join(held) or HBM_ONLY


def modes_words(candidate: Candidate) -> str:
    """How copies, admission and eviction work, in words."""
    if not candidate.offloads:
        return ""
    parts = ["exclusive copies" if candidate.exclusive else "inclusive copies"]
    if candidate.pooled:
        parts.append("one pool of all nodes")
    if candidate.second_touch:
        parts.append("drives written on the second touch")
    if candidate.policy is not Policy.LRU:
        parts.append(f"{candidate.policy} in the last tier")
    return ", ".join(parts)


def seconds_words(seconds: float) -> str:
    """``850 ms``, ``1.999 s``, ``44 min``."""
    if seconds < 1:
        return f"{seconds * 1e3:,.3g} ms"
    return f"{seconds:,.4g} s" if seconds < 600 else f"{seconds / 60:,.0f} min"


def duration_words(seconds: float) -> str:
    """``75 s``, ``1.7 h``, ``2.1 days``."""
    for size, name in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:,.1f} {name}"
    return f"{seconds:,.0f} s"


def decision(plan: Plan, needed: Needed | None, machines: Machines) -> str:
    """The one sentence: what to do, for how much, and what it gives."""
    name = plan.objective.statistic
    if plan.chosen is None:
        return _impossible(plan, needed, machines)
    chosen = plan.chosen
    gives = f"TTFT {name} {seconds_words(plan.value(chosen))} for ${chosen.cost.usd_per_hour:,.2f} an hour"
    gives += f" (${chosen.cost.usd_per_mtok:,.3g} per million input tokens)"
    gpus = f"{chosen.gpus} {machines.gpu.name}"
    if not chosen.candidate.offloads:
        return f"Do not offload: on {gpus} HBM alone gives {gives}."
    where = sizes_words(chosen.candidate, machines.tiers.tier)
    return f"Keep {where} per node below HBM on {gpus} ({modes_words(chosen.candidate)}): {gives}."


def reason(plan: Plan, machines: Machines) -> str:
    """Why this and not the other: offloading against HBM alone."""
    if plan.chosen is None:
        return "No arrangement that was tried keeps the objective."
    chosen, name = plan.chosen, plan.objective.statistic
    if chosen.candidate.offloads:
        without = [option for option in plan.options if not option.candidate.offloads]
        meeting = [option for option in without if plan.objective.met_by(plan.value(option))]
        if not meeting:
            best = min(without, key=plan.value)
            return f"HBM alone reaches {name} {seconds_words(plan.value(best))} at best, on {best.gpus} GPUs."
        cheapest = min(meeting, key=lambda option: option.net_usd_per_hour)
        more = cheapest.net_usd_per_hour - chosen.net_usd_per_hour
        return f"HBM alone keeps the objective only for ${more:,.2f} an hour more, on {cheapest.gpus} GPUs."
    others = [option for option in plan.options if option.candidate.offloads and option.gpus == chosen.gpus]
    if not others:
        return "There is no tier below HBM to try."
    cheap = min(others, key=lambda option: (option.net_usd_per_hour, plan.value(option)))
    more = cheap.cost.usd_per_hour - chosen.cost.usd_per_hour
    saved = chosen.outcome.gpu_seconds - cheap.outcome.gpu_seconds
    where = sizes_words(cheap.candidate, machines.tiers.tier)
    change = "saves" if saved >= 0 else "costs"
    return (
        f"HBM alone keeps the objective; the cheapest step below it ({where}) costs ${more:,.2f} an hour more, changes"
        f" {name} to {seconds_words(plan.value(cheap))} and {change} {abs(saved):,.0f} GPU-seconds over the trace, which"
        " are dollars only if GPUs are given up or filled."
    )


def _impossible(plan: Plan, needed: Needed | None, machines: Machines) -> str:
    best = plan.fastest
    name = plan.objective.statistic
    where = sizes_words(best.candidate, machines.tiers.tier)
    most = max(machines.gpus)
    start = f"No plan on {most} {machines.gpu.name} keeps {plan.objective}: the best is {name} {seconds_words(plan.value(best))}"
    start += f" with {where} for ${best.cost.usd_per_hour:,.2f} an hour."
    return f"{start} {needed_words(plan, needed, machines)}".rstrip()


def needed_words(plan: Plan, needed: Needed | None, machines: Machines) -> str:
    """What would keep the objective."""
    if needed is None:
        return ""
    if needed.option is not None:
        where = sizes_words(needed.option.candidate, machines.tiers.tier)
        return (
            f"{needed.gpus} {machines.gpu.name} would keep it, with {where}, for ${needed.option.cost.usd_per_hour:,.2f}"
            f" an hour (${needed.option.cost.usd_per_mtok:,.3g} per million input tokens)."
        )
    alone = seconds_words(needed.alone_seconds)
    return (
        f"Not even {needed.tried} would: a prefill that waits for nothing takes {plan.objective.statistic} {alone} here"
        " without a cache. It takes faster GPUs, a larger --tp, a smaller model or a looser objective."
    )


def definition_words(trace: Trace, machines: Machines, rig: Rig, reclaim: bool) -> dict[str, str]:
    """Every choice that moves the figures, by name."""
    asked = machines.definition
    warm = trace.requests - int(asked.measured(trace).sum())
    cluster, clock = rig.cluster, rig.prefill
    speed = f"{machines.rate:g} times the speed of the trace"
    if machines.requests_per_second:
        speed = f"{machines.requests_per_second:g} a second, evenly spaced, whatever the trace says"
    room = (
        f"{machines.hbm_cache_gib:g} GiB as given"
        if machines.hbm_cache_gib is not None
        else "what is left after weights, workspace"
    )
    if machines.hbm_cache_gib is None:
        room += f" (2 GiB a GPU) and running requests at {machines.seconds_per_output_token * 1e3:g} ms an output token"
    return {
        "warmup": f"{asked.warmup:g}: TTFT and hits are of all but the first {warm:,} of {trace.requests:,} requests",
        "hit": "the leading run of cached blocks in tokens; every prompt computes at least one token",
        "eviction": "leaf-LRU on the prefix tree, exact at every size; recency is told to every tier",
        "copies": "inclusive tiers each hold a copy (the largest counts), exclusive ones add up",
        "admission": "every block is stored (inclusive: when new, exclusive: when it leaves the tier above); second touch: when asked for again",
        "replicas": f"{cluster.replicas} of {cluster.tensor_parallel} GPUs on {cluster.nodes} nodes; requests by {machines.routing}",
        "arrivals": speed,
        "prefill": (
            f"2 x active parameters + attention by depth, at {clock.mfu:.0%} of {clock.peak_flops / 1e12:,.0f} TFLOPS a GPU"
            f" (weights {machines.weights}){' + floor ' + seconds_words(clock.floor_seconds) if clock.floor_seconds else ''}"
        ),
        "mfu": _mfu_words(machines),
        "loading": "latency + bytes / bandwidth, one transfer at a time on each link, first come first served",
        "overlap": "loads overlap the prefill, layer by layer" if machines.overlap else "a prefill starts when its blocks are there",
        "ttft": "end of prefill less arrival; decoding takes GPU time only through the MFU",
        "cache_dtype": machines.cache,
        "bytes_per_token": f"{rig.block_bytes / trace.block_size:,.0f} at the mean prompt",
        "hbm_for_prefixes": f"{rig.hbm_bytes / 1e9:,.1f} GB a replica, {rig.hbm_blocks:,} blocks: {room}",
        "cost": "GPUs and tiers per hour over the trace's input tokens; memory and drives written off straight over their life",
        "reclaimed": (
            "GPU time saved against HBM alone is counted as money" if reclaim else "GPU time saved is shown, not subtracted"
        ),
    }  # fmt: skip


def _mfu_words(machines: Machines) -> str:
    if machines.calibrated:
        return "from the engine's own counters (--calibrate)"
    if machines.mfu is not None:
        return "as given"
    return "assumed: 50% dense, 25% mixture of experts; give --mfu or --calibrate"


def option_words(option: Option | None, tiers: tuple[Tier, ...]) -> str:
    """What a decision becomes, in words."""
    if option is None:
        return "no plan keeps the objective"
    return f"{option.gpus} GPUs, {sizes_words(option.candidate, tiers)}"
