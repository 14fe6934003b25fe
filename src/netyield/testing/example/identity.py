"""Names that stay the same: device UUIDs, addresses, request ids. Derived from what they name, never random."""

from __future__ import annotations

import uuid

from netyield.testing.example.plan import NODES, PODS

_SPACE = uuid.UUID("6e657479-6965-6c64-8000-000000000001")


def device_uuid(node: str, device: int) -> str:
    """``GPU-`` and a UUID, as the driver prints it."""
    return f"GPU-{uuid.uuid5(_SPACE, f'{node}/{device}')}"


def named_uuid(name: str) -> str:
    """A UUID that belongs to a name."""
    return str(uuid.uuid5(_SPACE, name))


def node_address(node: str) -> str:
    """The node's address in the cluster network."""
    return f"10.20.0.{11 + [machine.name for machine in NODES].index(node)}"


def pod_address(pod: str) -> str:
    """The pod's own address."""
    return f"10.30.0.{20 + [entry.name for entry in PODS].index(pod)}"
