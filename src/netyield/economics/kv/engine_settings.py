"""What does an engine have to be told? An arrangement as text for vLLM, SGLang, LMCache and Dynamo's block manager.

Option names as documented by the versions named; sizes as each engine counts them: vLLM and Dynamo per replica, SGLang
and LMCache per GPU.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

from netyield.economics.kv.cluster import Cluster
from netyield.economics.kv.outcome import Candidate
from netyield.economics.kv.replay import Policy
from netyield.economics.kv.tiers import Tier

VERSIONS = {
    "vllm": "vLLM 0.30, OffloadingConnector (docs.vllm.ai/en/stable/features/kv_offloading_usage)",
    "sglang": "SGLang 0.5.15, HiCache (docs.sglang.io/advanced_features/hicache_best_practices.html)",
    "lmcache": "LMCache 0.4.7 (docs.lmcache.ai/api_reference/configurations.html)",
    "dynamo": "Dynamo 1.5, KVBM (docs.nvidia.com/dynamo/dev/reference/components/kvbm-configuration)",
}
POLICIES_OF: dict[str, dict[Policy, str]] = {
    "vllm": {Policy.LRU: "lru", Policy.ARC: "arc"},
    "sglang": {Policy.LRU: "lru", Policy.LFU: "lfu", Policy.FIFO: "fifo"},
    "lmcache": {Policy.LRU: "LRU", Policy.LFU: "LFU", Policy.FIFO: "FIFO"},
    "dynamo": {Policy.LRU: "lru"},
}
CANNOT = "# Cannot be configured to do this: see the other engines, or plan again with --copies or --policy."
POOLED = {
    "sglang": "give this memory to Mooncake's store on every node.",
    "lmcache": "set remote_url to a Mooncake store that has this memory on every node, or enable_p2p.",
}
GB, GIB = 1e9, float(2**30)
DIRECTORY = "/var/cache/kv"


@dataclass(frozen=True, slots=True)
class _Room:
    """GB of memory and of drives or pool per replica, and the rest of the arrangement."""

    memory_gb: float
    storage_gb: float
    shared: bool
    gpus: int
    asked: Candidate


def engines_for(candidate: Candidate) -> tuple[str, ...]:
    """Engines that can be configured to do this.

    Exclusive copies: SGLang, which can write to the host when a block leaves HBM (write_back), and then neither filters
    what it writes nor shares it. Admission on the second touch: all but LMCache. A pool: those with a shared store.
    """
    able = []
    for name, policies in POLICIES_OF.items():
        apart = candidate.exclusive and (name != "sglang" or candidate.second_touch or candidate.pooled)
        unfiltered = candidate.second_touch and name == "lmcache"
        alone = candidate.pooled and name not in POOLED
        if candidate.policy in policies and not (apart or unfiltered or alone):
            able.append(name)
    return tuple(able)


def engine_settings(candidate: Candidate, cluster: Cluster, tiers: tuple[Tier, ...], repository: str) -> dict[str, str]:
    """The text per engine; ``repository`` is the model to load."""
    if not candidate.offloads:
        return {name: f"# {words}\n# Keep nothing below HBM: no offloading option." for name, words in VERSIONS.items()}
    room = _room(candidate, cluster, tiers)
    able = engines_for(candidate)
    found = {}
    for name, write in _WRITERS.items():
        text = write(room, repository) if name in able else CANNOT
        if candidate.pooled and name in able:
            text += f"\n# One pool of all nodes: {POOLED[name]}"
        found[name] = f"# {VERSIONS[name]}\n{text}"
    return found


def _room(candidate: Candidate, cluster: Cluster, tiers: tuple[Tier, ...]) -> _Room:
    memory = storage = 0.0
    shared = False
    for tier, size in zip(tiers, candidate.sizes_gb, strict=True):
        per_replica = size if tier.shared else size * cluster.nodes / cluster.replicas
        if tier.drive_gb or tier.shared:
            storage += per_replica
            shared = shared or (tier.shared and size > 0)
        else:
            memory += per_replica
    return _Room(memory, storage, shared, cluster.tensor_parallel, candidate)


def _vllm(room: _Room, repository: str) -> str:
    extra: dict[str, object] = {
        "cpu_bytes_to_use": int(max(room.memory_gb, 1.0) * GB),
        "eviction_policy": POLICIES_OF["vllm"][room.asked.policy],
    }
    if room.asked.second_touch:
        extra["store_threshold"] = 2
    if room.storage_gb:
        tier: dict[str, object] = {"type": "fs", "root_dir": DIRECTORY}
        if not room.shared:
            tier["max_disk_gib"] = math.floor(room.storage_gb * GB / GIB)
        extra |= {"spec_name": "TieringOffloadingSpec", "secondary_tiers": [tier]}
    config = {"kv_connector": "OffloadingConnector", "kv_role": "kv_both", "kv_connector_extra_config": extra}
    start = f"vllm serve {repository} --tensor-parallel-size {room.gpus} \\\n"
    return f"{start}  --kv-transfer-config '{json.dumps(config)}'"


def _sglang(room: _Room, repository: str) -> str:
    size = max(1, math.floor(room.memory_gb / room.gpus))
    asked = room.asked
    write = "write_through_selective" if asked.second_touch else "write_back" if asked.exclusive else "write_through"
    lines = [
        f"python -m sglang.launch_server --model-path {repository} --tp-size {room.gpus} --page-size 64",
        f"  --enable-hierarchical-cache --hicache-size {size} --hicache-write-policy {write}",
    ]
    if asked.policy is not Policy.LRU:
        lines.append(f"  --radix-eviction-policy {POLICIES_OF['sglang'][asked.policy]}")
    note = ""
    if room.storage_gb or asked.pooled:
        backend = "mooncake" if room.shared or asked.pooled else "nixl"
        lines.append(f"  --hicache-storage-backend {backend} --hicache-storage-prefetch-policy timeout")
    if room.storage_gb:
        note = f"\n# Limit the storage to {room.storage_gb:,.0f} GB (nixl: storage_limit in its extra config)."
    return " \\\n".join(lines) + note


def _lmcache(room: _Room, repository: str) -> str:
    each = max(room.memory_gb / room.gpus, 1.0)
    lines = [
        f"# LMCACHE_CONFIG_FILE=lmcache.yaml vllm serve {repository} --tensor-parallel-size {room.gpus} \\",
        '#   --kv-transfer-config \'{"kv_connector": "LMCacheConnectorV1", "kv_role": "kv_both"}\'',
        "chunk_size: 256",
        "local_cpu: true",
        f"max_local_cpu_size: {each:.1f}  # GB for each of {room.gpus} workers",
        f"cache_policy: {POLICIES_OF['lmcache'][room.asked.policy]}",
    ]
    if room.shared:
        lines.append(f"remote_url: fs://host:port{DIRECTORY}/  # the pool of {room.storage_gb:,.0f} GB")
    elif room.storage_gb:
        lines.append(f"local_disk: file://{DIRECTORY}/")
        lines.append(f"max_local_disk_size: {room.storage_gb / room.gpus:.1f}  # GB for each worker")
    return "\n".join(lines)


def _dynamo(room: _Room, repository: str) -> str:
    lines = [f"export DYN_KVBM_CPU_CACHE_GB={max(1, math.floor(room.memory_gb))}"]
    if room.shared:
        lines.append("# A shared pool is object storage (G4) here: DYN_KVBM_OBJECT_ENABLED=1 and its bucket.")
    elif room.storage_gb:
        filtered = "false" if room.asked.second_touch else "true"
        lines += [
            f"export DYN_KVBM_DISK_CACHE_GB={math.floor(room.storage_gb)}",
            f"export DYN_KVBM_DISK_CACHE_DIR={DIRECTORY}",
            f"export DYN_KVBM_DISABLE_DISK_OFFLOAD_FILTER={filtered}",
        ]
    config = {
        "kv_connector": "DynamoConnector",
        "kv_role": "kv_both",
        "kv_connector_module_path": "kvbm.vllm_integration.connector",
    }
    lines.append(f"python -m dynamo.vllm --model {repository} --tensor-parallel-size {room.gpus} \\")
    lines.append(f"  --kv-transfer-config '{json.dumps(config)}'")
    return "\n".join(lines)


_WRITERS: dict[str, Callable[[_Room, str], str]] = {
    "vllm": _vllm,
    "sglang": _sglang,
    "lmcache": _lmcache,
    "dynamo": _dynamo,
}
