"""Keys of netyield.toml attribution reads: [capacity] and [attribution]."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class CapacitySettings(BaseModel):
    """[capacity]: when is a device active, idle, holding, out?"""

    model_config = ConfigDict(extra="forbid")

    active_above: float = Field(0.0, ge=0, lt=1, description="ratio above which a device counts as active")
    idle_memory_floor_bytes: int = Field(1 << 30, ge=0, description="memory a bare context may hold while idle")
    outage_minutes: int = Field(60, ge=1, description="an all-zero fleet for longer than this in a day is an outage")


class AttributionSettings(BaseModel):
    """[attribution]: how a replica's active cost is split over the requests it served."""

    model_config = ConfigDict(extra="forbid")

    slot_seconds: int = Field(300, ge=60, le=3600, description="request evidence covers the active time of its slot")
    prefill_weight: int = Field(1000, ge=1, description="declared weight of a computed input token")
    decode_weight: int = Field(2000, ge=1, description="declared weight of an output token")
    method: Literal["auto", "phase_time", "calibrated", "declared"] = "auto"
    min_r_squared: float = Field(0.8, ge=0, le=1, description="a calibration that fits worse is not used")
    loaded_rule: Literal["proportional", "even"] = "proportional"

    @field_validator("slot_seconds")
    @classmethod
    def _fills_an_hour(cls, value: int) -> int:
        """Money is split hour by hour: a slot over the edge would take time of the next one with it."""
        if 3600 % value:
            message = f"slots of {value} s do not fill an hour; take 60, 120, 180, 240, 300, 600, 900, 1200, 1800 or 3600"
            raise ValueError(message)
        return value
