"""tiers.toml: the example reads, and every mistake ends in its repair."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from netyield.core.errors import ConfigError, WrongUse
from netyield.core.inference.hardware import find_gpu
from netyield.economics.kv.prices import LIFE_HOURS, all_prices, price_of
from netyield.economics.kv.tiers import EXAMPLE, Tiers, default_tiers, read_tiers

DRAM = '[[tier]]\nname = "dram"\nsizes_gb = [512]\nread_gb_per_second = 48\nusd_per_gb = 11\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "tiers.toml"
    path.write_text(text)
    return path


def test_the_example_says_what_is_assumed_without_a_file(tmp_path: Path) -> None:
    example = read_tiers(written(tmp_path, EXAMPLE))
    assumed = default_tiers(find_gpu("h100"))

    assert example.present == {"dram": 512.0}
    assert [tier.name for tier in example.tier] == ["dram", "nvme"]
    for ours, theirs in zip(example.tier, assumed.tier, strict=True):
        assert ours.usd_per_gb_hour() == pytest.approx(theirs.usd_per_gb_hour(), rel=0.001)
        assert ours.model_dump(exclude={"usd_per_gb", "pool_gb_per_gpu_second"}) == theirs.model_dump(
            exclude={"usd_per_gb", "pool_gb_per_gpu_second"}
        )


def test_the_commented_parts_of_the_example_read_too(tmp_path: Path) -> None:
    text = "\n".join(line.removeprefix("# ") if line.startswith("# ") else line for line in EXAMPLE.splitlines()[2:])
    found = read_tiers(written(tmp_path, text))

    assert found.tier[2].shared
    assert found.tier[1].measured[0] == (20e6, 3.1)
    assert found.tier[2].usd_per_gb_hour() == pytest.approx(0.20 / 730)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DRAM.replace("sizes_gb", "size_gb"), "tier.0.size_gb is not a known key. Did you mean sizes_gb?"),
        (DRAM + "[gpu]\nusd = 3\n", "gpu.usd is not a known key."),
        (DRAM + "[gpus]\nusd_per_hour = 3\n", "Did you mean gpu?"),
        (DRAM.replace("usd_per_gb = 11\n", ""), "no price"),
        (DRAM.replace("48", "-48"), "tier.0.read_gb_per_second"),
        (DRAM.replace("[512]", "[]"), "tier.0.sizes_gb"),
        (DRAM + 'read_per = "drive"\n', "drive_gb is missing"),
        (DRAM + "shared = true\npool_gb_per_gpu_second = 30\n", "leave pool_gb_per_gpu_second out"),
        (DRAM + DRAM, "two tiers are named 'dram'"),
        (DRAM + "[present]\ndrams = 5\n", "did you mean 'dram'?"),
        ("[gpu]\n", "tier: Field required"),
        ("tier = 5", "tier"),
        ("= 5", "no TOML"),
    ],
)
def test_every_mistake_names_the_key_and_the_repair(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_tiers(written(tmp_path, text))

    assert told in str(raised.value)
    assert raised.value.repair


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="--write-tiers"):
        read_tiers(tmp_path / "none.toml")


def test_prices_are_dated_and_the_newest_counts() -> None:
    assert price_of("gpu:H100").usd == 2.95
    assert price_of("gpu:H100", date(2026, 4, 1)).usd == 2.35
    assert f"{price_of('dram').usd:.1f}" == "10.9"
    assert f"{price_of('dram', date(2025, 12, 1)).usd:.1f}" == "4.0"
    assert f"{price_of('nvme').usd * 1000:.0f}" == "365"
    assert f"{price_of('nvme', date(2025, 12, 1)).usd * 1000:.0f}" == "102"
    assert all(date.fromisoformat(price.dated) and price.source for price in all_prices())
    assert LIFE_HOURS == 3 * 8760


def test_what_has_no_price_is_asked_for() -> None:
    with pytest.raises(WrongUse, match="usd_per_hour"):
        price_of("gpu:B200")
    with pytest.raises(WrongUse, match="known on 2020-01-01"):
        price_of("dram", date(2020, 1, 1))


def test_the_example_is_plain_toml() -> None:
    assert Tiers.model_validate(tomllib.loads(EXAMPLE)).power.pue == 1.3
