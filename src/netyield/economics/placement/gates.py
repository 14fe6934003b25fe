"""Which options may be compared at all? Hard filters, and the same answers for the same requests.

A constraint that an option breaks takes it out, whatever it costs; what an option does not state counts as broken. Options
are compared for one model, or with the user's own ratio of useful answers.
"""

from __future__ import annotations

import numpy as np

from netyield.core.finding import Finding, Severity
from netyield.economics.placement.capacity import Capacity
from netyield.economics.placement.case import Case, same_model
from netyield.economics.placement.costs import Cost, finding
from netyield.economics.placement.file_tables import Constraints
from netyield.economics.placement.ways import AnyOption, Fleet, Hybrid, Option, Own

SERVER = 8.0  # GPUs of the largest common server: it stands in one rack
CERTAIN = 90.0  # percentile of the fleet that has to fit the hall and the quota


def stopped(case: Case, option: AnyOption, cost: Cost) -> list[Finding]:
    """Why an option is out of the comparison; empty when it is in."""
    parts: list[Option] = [option]
    if isinstance(option, Hybrid):
        parts += [case.options.named(option.base), case.options.named(option.spill)]
    if isinstance(option, Own) and option.bridge is not None and option.lead_months:
        parts.append(case.options.named(option.bridge))  # it serves until the GPUs stand
    broken = [word for part in parts for word in _breaks(case.options.constraints, part)]
    for part in parts[: 1 if isinstance(option, Fleet) else None]:
        if isinstance(part, Fleet):
            broken += _too_large(case.options.constraints, part, cost, case.capacities.get(part.gpu.lower()))
    found = [
        finding("constraint", Severity.WARNING, f"{option.name} is out: {word}.", "Change the option or [constraints].")
        for word in dict.fromkeys(broken)
    ]
    if cost.meets_slo is False:
        message = f"{option.name} is out: no size of it keeps the latency objective."
        found.append(finding("objective_unmet", Severity.WARNING, message, "Relax --slo, or choose another GPU."))
    return found + _quality(case, parts, option)


def _quality(case: Case, parts: list[Option], option: Option) -> list[Finding]:
    for part in parts:
        if not same_model(part.model, case.demand.model) and part.useful_ratio is None and option.useful_ratio is None:
            message = f"{option.name} is out: it serves {part.model}, not {case.demand.model}, and nothing says its answers are as useful."
            repair = (
                "Write useful_ratio: its useful answers for each useful one of today's model, from your own evaluation;"
                f' or model = "{case.demand.model}" where it is the same under another name.'
            )
            return [finding("different_model", Severity.WARNING, message, repair)]
    return []


def _breaks(limits: Constraints, option: Option) -> list[str]:
    words: list[str] = []
    if isinstance(option, Hybrid):  # its two parts are asked
        return words
    if limits.residency and limits.residency not in option.residency:
        words.append(f"{option.name} does not say that data stay in {limits.residency} (residency)")
    missing = [each for each in limits.certificates if each not in option.certificates]
    if missing:
        words.append(f"{option.name} has no {', '.join(missing)} (certificates)")
    if limits.data_at and option.at != limits.data_at:
        words.append(f"the data are at {limits.data_at}, {option.name} is {f'at {option.at}' if option.at else 'somewhere else'} (at)")
    if limits.max_lead_months is not None and option.lead_months > limits.max_lead_months:
        words.append(f"{option.name} takes {option.lead_months:g} months, {limits.max_lead_months:g} are allowed (lead_months)")
    return words


def _too_large(limits: Constraints, option: Fleet, cost: Cost, capacity: Capacity | None) -> list[str]:
    if cost.gpus is None:
        return []
    words = []
    gpus = float(np.percentile(cost.gpus, CERTAIN))
    if option.quota_gpus is not None and gpus > option.quota_gpus:
        words.append(f"{gpus:,.0f} GPUs are needed, {option.quota_gpus:,} may be had (quota_gpus)")
    if cost.kilowatts is not None and cost.rack_units is not None:  # a rented hall is the provider's
        words += _hall(limits, gpus, *(float(np.percentile(each, CERTAIN)) for each in (cost.kilowatts, cost.rack_units)))
    if limits.gpu_memory_gib is not None and capacity is not None:
        have = capacity.gpu_memory_gib
        if have is None or have * capacity.gpus_per_replica < limits.gpu_memory_gib:
            words.append(f"a replica has {have or 0:g} GiB times {capacity.gpus_per_replica}, {limits.gpu_memory_gib:g} are needed (gpu_memory_gib)")
    return words


def _hall(limits: Constraints, gpus: float, kilowatts: float, units: float) -> list[str]:
    words = []
    if limits.max_kw is not None and kilowatts > limits.max_kw:
        words.append(f"{kilowatts:,.0f} kW are needed, {limits.max_kw:g} are there (max_kw)")
    if limits.max_rack_units is not None and units > limits.max_rack_units:
        words.append(f"{units:,.0f} rack units are needed, {limits.max_rack_units:g} are there (max_rack_units)")
    if limits.max_kw_per_rack is not None and gpus:
        server = min(gpus, SERVER)
        if kilowatts / gpus * server > limits.max_kw_per_rack:
            words.append(
                f"a server of {server:g} draws {kilowatts / gpus * server:.1f} kW, a rack is cooled for {limits.max_kw_per_rack:g}"
                " (max_kw_per_rack)"
            )
    return words
