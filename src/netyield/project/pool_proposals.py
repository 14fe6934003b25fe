"""Which [[pool]] rules would join what the sources say? Bill resource or tag = node = device = engine = gateway endpoint.

Nodes are grouped by the pool tag of the bill line that names them, else by their own names up to the last number. Nothing
is guessed from amounts or counts: a name must be the same on both sides. A person confirms the proposal; until then
pools are matched by name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from netyield.config import Config
from netyield.core.money import from_pico
from netyield.ledger import charges
from netyield.ledger.pools import pool_tag
from netyield.project.inputs import declared_pools, pick_currency, views
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest

_NUMBERED = re.compile(r"(?P<stem>.*?[A-Za-z].*?)(?P<mark>[-_.])?\d+")


@dataclass(frozen=True)
class PoolProposal:
    """One [[pool]] as it would be written, and what it joins."""

    rule: Mapping[str, Any]
    bill_lines: int = 0
    amount: Decimal = Decimal(0)
    nodes: tuple[str, ...] = ()
    devices: int = 0
    engines: tuple[str, ...] = ()
    gateway: tuple[str, ...] = ()

    @property
    def kinds(self) -> int:
        """How many kinds of sources agree on it."""
        return sum(map(bool, (self.bill_lines, self.devices, self.engines or self.gateway)))


@dataclass
class _Group:
    """What belongs together, by name."""

    tag: str = ""
    hosts: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    pods: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    replicas: set[str] = field(default_factory=set)
    endpoints: set[str] = field(default_factory=set)
    lines: int = 0
    pico: int = 0


def propose(folder: Folder, manifest: Manifest, config: Config) -> list[PoolProposal]:
    """Rules for every group of nodes, when the sources agree on at least one; none while there are rules already."""
    if config.pool:
        return []
    engine = Engine()
    try:
        views(engine, folder, manifest, "charges", "rate_cards", "gpu_samples", "gpu_owners", "capacity_samples", "engine_samples", "attempts")
        groups = _groups(engine, config)
        _serving(engine, groups)
    finally:
        engine.close()
    found = [_proposal(name, group, groups) for name, group in sorted(groups.items())]
    return found if any(proposal.kinds > 1 for proposal in found) else []


def _groups(engine: Engine, config: Config) -> dict[str, _Group]:
    """Nodes and devices by the pool tag of their bill line, the pool their source declares, or the stem of their name."""
    charges.label(engine, "effective", config.scope, (), declared_pools(engine))
    lines = engine.query(
        f"""SELECT lower(resource_id) AS id, lower(resource_name) AS name, tags, COUNT(*) AS lines,
                   total(CASE WHEN currency = '{pick_currency(engine, config, None)}' THEN part_pico ELSE 0 END) AS pico
            FROM labelled WHERE step = 'pool' GROUP BY ALL ORDER BY ALL"""
    ).to_pylist()
    tag_of = {row[key]: pool_tag(row["tags"]) for row in lines for key in ("id", "name") if row[key]}
    groups: dict[str, _Group] = defaultdict(_Group)
    place: dict[str, str] = {}
    for row in engine.query(
        "SELECT DISTINCT device_id AS device, COALESCE(host, '') AS host, pool FROM gpu_samples ORDER BY ALL"
    ).to_pylist():
        host = str(row["host"])
        name = row["pool"] or tag_of.get(host.lower()) or _stem(host) or _stem(str(row["device"])) or "gpu"
        group = groups[str(name)]
        group.devices.add(str(row["device"]))
        if host:
            group.hosts.add(host)
            place[host.lower()] = str(name)
    for row in lines:
        tag = pool_tag(row["tags"])
        name = tag or place.get(row["id"] or "") or place.get(row["name"] or "")
        if name is not None:
            group = groups[name]
            group.tag = tag or group.tag
            group.lines += row["lines"]
            group.pico += int(row["pico"])
    return dict(groups)


def _serving(engine: Engine, groups: Mapping[str, _Group]) -> None:
    """Engines by the node or pod they run on, and what the gateway calls them."""
    by_host = {host: group for group in groups.values() for host in group.hosts}
    by_device = {device: group for group in groups.values() for device in group.devices}
    by_pod: dict[str, set[int]] = defaultdict(set)
    numbered = list(groups.values())
    for row in engine.query("SELECT DISTINCT device_id, owner FROM gpu_owners WHERE owner <> ''").to_pylist():
        group = by_device.get(row["device_id"])
        if group is not None:
            pod = str(row["owner"]).rsplit("/", maxsplit=1)[-1]
            group.pods.add(pod)
            by_pod[pod].add(numbered.index(group))
    for row in engine.query("SELECT DISTINCT replica, host, model FROM engine_samples").to_pylist():
        homes = by_pod.get(str(row["replica"]), set())
        group = by_host.get(row["host"]) or (numbered[min(homes)] if len(homes) == 1 else None)
        if group is not None:
            group.pods.add(str(row["replica"]))
            by_pod[str(row["replica"])].add(numbered.index(group))
            group.models |= {str(row["model"])} if row["model"] else set()
    for row in engine.query("SELECT DISTINCT endpoint, replica, model FROM attempts").to_pylist():
        for key, word in (("replica", row["replica"]), ("endpoint", row["endpoint"])):
            homes = by_pod.get(_host(word), set())
            if word and len(homes) == 1:
                group = numbered[min(homes)]
                (group.replicas if key == "replica" else group.endpoints).add(str(word))


def _proposal(name: str, group: _Group, groups: Mapping[str, _Group]) -> PoolProposal:
    others = [each for each in groups.values() if each is not group]
    rule: dict[str, Any] = {"name": name}
    if group.tag:
        rule["tags"] = {"pool": group.tag}
    if group.hosts:
        rule["hosts"] = _globs(group.hosts, {host for each in others for host in each.hosts})
    elif group.devices:
        rule["devices"] = _globs(group.devices, {device for each in others for device in each.devices})
    served = {_host(word) for word in (*group.replicas, *group.endpoints)}
    if served:
        globs = _globs(served, {pod for each in others for pod in each.pods})
        if group.replicas:
            rule["replicas"] = globs
        if group.endpoints:
            rule["endpoints"] = [glob if glob.endswith("*") else f"{glob}*" for glob in globs]
    elif own := group.models - {model for each in others for model in each.models}:
        rule["models"] = sorted(own)
    return PoolProposal(
        rule,
        group.lines,
        from_pico(group.pico),
        tuple(sorted(group.hosts)),
        len(group.devices),
        tuple(sorted(group.models)),
        tuple(sorted({*group.replicas, *group.endpoints})),
    )


def _globs(names: Iterable[str], foreign: set[str]) -> list[str]:
    """As few globs as match all names and no foreign one."""
    stems: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        match = _NUMBERED.fullmatch(name)
        stems[f"{match['stem']}{match['mark'] or ''}*" if match else name].append(name)
    found: list[str] = []
    for glob, members in stems.items():
        taken = any(fnmatchcase(other.lower(), glob.lower()) for other in foreign)
        found += members if taken else [glob]
    return sorted(found)


def _stem(name: str) -> str:
    """``gpu-a`` of ``gpu-a-2.cluster.local``; the name itself when it has no number."""
    first = name.split(".", maxsplit=1)[0]
    match = _NUMBERED.fullmatch(first)
    return match["stem"] if match else first


def _host(word: str | None) -> str:
    """``llama-0`` of ``http://llama-0.serving.svc:8000/v1``."""
    return re.split(r"[./:]", (word or "").split("://", maxsplit=1)[-1])[0]
