"""netyield.toml: one strict schema joined from the rooms' settings. Unknown keys name the nearest known one."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from netyield.attribution.settings import AttributionSettings, CapacitySettings
from netyield.core.errors import ConfigError
from netyield.economics.commitments.settings import CommitmentRule
from netyield.ledger.settings import PoolRule, ProjectSettings, ScopeRule, WorkloadRule
from netyield.usefulness.policy import Attestation, UsefulnessSettings

FILE_NAME = "netyield.toml"


class ServingSettings(BaseModel):
    """[serving]: the latency objective that unfilled serving capacity is measured against."""

    model_config = ConfigDict(extra="forbid")

    ttft_seconds_p95: float | None = Field(None, gt=0)
    tpot_seconds_p95: float | None = Field(None, gt=0)
    peak_factor: float = Field(1.0, ge=1, description="declared peak over the observed busiest hour")
    spare_replicas: int = Field(1, ge=0, description="N+1: replicas kept for failure")


class Config(BaseModel):
    """The whole of netyield.toml."""

    model_config = ConfigDict(extra="forbid")

    project: ProjectSettings = ProjectSettings()
    source: list[dict[str, Any]] = []
    scope: list[ScopeRule] = []
    pool: list[PoolRule] = []
    workload: list[WorkloadRule] = []
    attestation: list[Attestation] = []
    capacity: CapacitySettings = CapacitySettings()
    attribution: AttributionSettings = AttributionSettings()
    usefulness: UsefulnessSettings = UsefulnessSettings()
    serving: ServingSettings = ServingSettings()
    commitment: list[CommitmentRule] = []


def load(path: Path) -> Config:
    """Read and check a netyield.toml. Raises ConfigError with the key, what is wrong and the nearest known key."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})."
        raise ConfigError(message, "Run `netyield init` in that folder first.") from None
    except UnicodeDecodeError as error:
        message = f"{path}: byte {error.start} is not UTF-8."
        raise ConfigError(message, "Save the file as UTF-8.") from None
    try:
        return parse(tomllib.loads(text), str(path))
    except tomllib.TOMLDecodeError as error:
        message = f"{path}: not valid TOML: {error}."
        raise ConfigError(message, "Mend that line; values with letters need quotes.") from None


def parse(options: dict[str, Any], where: str = FILE_NAME) -> Config:
    """The checked configuration of a parsed TOML document."""
    try:
        return Config.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        near = difflib.get_close_matches(str(first["loc"][-1]), _known_keys(first["loc"]), n=1) if unknown else []
        hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(_known_keys(first['loc']))}."
        what = "unknown key" if unknown else str(first["msg"]).removeprefix("Value error, ").rstrip(".")
        if first["loc"][-1] == "currency":
            what, hint = f"{first['input']!r} is no currency", "Write its three capital letters, for example EUR."
        message = f"{where}: {key}: {what}."
        raise ConfigError(message, hint) from None


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Config
    for part in location[:-1]:
        if isinstance(part, int) or part not in model.model_fields:
            continue
        inner = model.model_fields[part].annotation
        arguments = getattr(inner, "__args__", ())
        candidates = [inner, *arguments]
        found = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if found is None:
            break
        model = found
    return list(model.model_fields)
