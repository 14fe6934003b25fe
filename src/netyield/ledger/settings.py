"""Keys of netyield.toml the ledger reads: [project], [[scope]], [[pool]] and [[workload]]."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from netyield.core.period import known_zone

Scope = Literal["gpu", "ai_api", "ai_seat", "ai_platform", "training", "non_ai", "unclassified"]


class ProjectSettings(BaseModel):
    """[project]: whose books these are."""

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    tenant: str = "default"
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    timezone: str = "UTC"
    history_days: int = Field(400, ge=1)
    keep_raw_max_bytes: int = Field(512 * 1024 * 1024, ge=0)

    _zone = field_validator("timezone")(known_zone)


class ScopeRule(BaseModel):
    """[[scope]]: lines that match every given glob belong to this scope. Yours come before the shipped ones."""

    model_config = ConfigDict(extra="forbid")

    scope: Scope
    provider: str = "*"
    service: str = "*"
    category: str = "*"
    subcategory: str = "*"
    sku: str = "*"
    resource: str = "*"
    resource_type: str = "*"
    account: str = "*"
    description: str = "*"
    unit: str = "*"
    tags: dict[str, str] = {}
    gpu_count: bool | None = None
    why: str = ""


class PoolRule(BaseModel):
    """[[pool]]: what a charge pays for over time, and by which names the other sources know it. All are globs."""

    model_config = ConfigDict(extra="forbid")

    name: str
    kind: Literal["gpu", "provisioned_throughput"] = "gpu"
    tags: dict[str, str] = {}
    resources: list[str] = []
    accounts: list[str] = []
    skus: list[str] = []
    hosts: list[str] = []
    devices: list[str] = []
    models: list[str] = []
    endpoints: list[str] = []
    replicas: list[str] = []


class WorkloadRule(BaseModel):
    """[[workload]]: pods or jobs that are not serving. Globs over namespace, owner and labels."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["training", "serving"] = "training"
    namespaces: list[str] = []
    owners: list[str] = []
    labels: dict[str, str] = {}
