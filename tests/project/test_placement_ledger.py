"""A placement from the ledger: the example company's own calls, their token classes and verdicts, and its asset register."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from netyield.answers import placement
from netyield.answers.books import Query
from netyield.core.currencies import from_coins
from netyield.core.depreciation import Method, WriteOff
from netyield.core.errors import WrongUse
from netyield.core.period import parse_time
from netyield.economics.assets.present_value import present_value
from netyield.economics.assets.schedule import schedule
from netyield.economics.placement.options import parse_options
from netyield.economics.placement.ways import Own
from netyield.faces.cli.main import call
from netyield.project import Project
from netyield.project.ledger_traffic import ledger_traffic
from netyield.project.placement import case_of, demand_of_traffic
from netyield.project.placement_assets import life_months, with_registers
from netyield.sources.bills.assets.register import read_register
from netyield.testing.example import generate

MODEL = "gpt-5-mini"
OPTIONS = """
[decision]
as_of = 2026-11-22
[[capacity]]
gpu = "h100"
processed = 9000
dated = 2026-11-01
source = "a load test"
[[option]]
kind = "api"
name = "API"
input = 0.25
cache_read = 0.025
output = 2.0
dated = 2026-11-01
source = "a quote"
[[option]]
kind = "own"
name = "owned"
gpu = "h100"
minimum_gpus = 1
"""
REGISTER = """
currency = "USD"
[[asset]]
id = "dgx-h100-1"
cost = "280000"
purchased = 2025-12-10
in_service = 2026-01-01
useful_life = "5y"
residual = "28000"
gpus = 8
[[asset]]
id = "dgx-h100-2"
cost = "320000"
in_service = 2026-02-01
useful_life = "5y"
residual = "32000"
gpus = 8
[[asset.change]]
effective = 2026-08-01
recorded = 2026-08-03
useful_life = "4y"
[[asset]]
id = "switch-h100"
cost = "45000"
in_service = 2026-01-01
useful_life = "5y"
[[running]]
kind = "power"
assets = "dgx-*"
kilowatts = "7.0"
pue = "1.25"
per_kwh = "0.11"
[[running]]
kind = "colocation"
assets = "dgx-*"
kilowatts = "10.2"
per_kw_month = "150"
[[running]]
kind = "staff"
gpus_per_person = 32
per_person_month = "15000"
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example company, with an asset register beside its other sources."""
    folder = tmp_path_factory.mktemp("company")
    generate(folder)
    (folder / "assets.toml").write_text(REGISTER)
    toml = folder / "netyield.toml"
    toml.write_text(toml.read_text() + '\n[[source]]\ntype = "assets"\npath = "assets.toml"\nuntil = "2026-02-01"\n')
    (folder / "options.toml").write_text(OPTIONS)
    project = Project.open(folder)
    project.ingest()
    return project


def books_of(project: Project, model: str) -> dict[str, int]:
    """What the report of this model's calls says: tokens by class and by verdict."""
    usage = project.answer("waterfall", Query(where={"model": model})).body["usage"]
    return {**usage["tokens_by_class"], **{f"verdict {name}": tokens for name, tokens in usage["tokens_by_verdict"].items()}}


@pytest.mark.parametrize("model", [MODEL, "llama-3.1-70b", "nimbus-large-preview"])
def test_tokens_and_verdicts_are_those_of_the_report(company: Project, model: str) -> None:
    """API calls, self-hosted calls, and calls nobody has a price for."""
    found = ledger_traffic(company, Query(where={"model": model}))
    books = books_of(company, model)
    demand = demand_of_traffic(found.traffic, model, found)

    assert demand.input_tokens == sum(tokens for name, tokens in books.items() if name.startswith("in_"))
    assert demand.cache_read_tokens == books["in_cache_read"] > 0
    assert demand.output_tokens == sum(books.get(name, 0) for name in ("out_text", "out_reasoning"))
    assert demand.useful_share is not None
    assert demand.useful_share.low * demand.output_tokens == pytest.approx(books["verdict useful"])
    unproven = sum(tokens for name, tokens in books.items() if name.startswith("verdict unproven"))
    assert demand.useful_share.high * demand.output_tokens == pytest.approx(books["verdict useful"] + unproven)
    assert demand.useful_share.low < demand.useful_share.mid < demand.useful_share.high
    assert demand.start_us is not None
    assert demand.start_us // 1_000_000 >= parse_time("2026-10-05").timestamp()
    assert demand.span_seconds <= 172_800


def test_the_cost_per_useful_token_rests_on_the_ledgers_verdicts(company: Project, capfd: pytest.CaptureFixture[str]) -> None:
    folder = str(company.folder.root)
    words = ["placement", "compare", "--from-ledger", "--project", folder, "--where", f"model={MODEL}", "--draws", "200", "--growth", "1000"]
    code = call([*words, "--options", f"{folder}/options.toml", "--json"])
    assert code == 0, capfd.readouterr().err
    body = json.loads(capfd.readouterr().out)

    assert body["traffic"]["model"] == MODEL
    inputs = {used["input"]: used for used in body["assumptions"]}
    assert inputs["cache read share"]["assumed"] is False
    assert "verdicts of the ledger" in inputs["useful share"]["source"]
    for option in body["options"]:
        low, middle, high = inputs["useful share"]["value"]
        ratio = option["usd_per_served_mtok"]["p50"] / option["usd_per_useful_mtok"]["p50"]
        assert low < ratio < high
        assert ratio == pytest.approx(middle, rel=0.1)
    # The bill of the API for these very tokens, at the quote: what each class of the ledger costs.
    books = books_of(company, MODEL)
    api = body["options"][0]["parts_usd_per_month"]
    assert api["cache read"] / api["input"] == pytest.approx(books["in_cache_read"] * 0.025 / (books["in_uncached"] * 0.25), rel=0.01)
    # The register of the project made the owned option's price, though the option names no assets: they name its GPU.
    assert inputs["owned: usd per gpu"]["value"] == [35_000, 37_500, 40_000]
    assert "asset register assets.toml: 2 assets, 16 GPUs" in inputs["owned: usd per gpu"]["source"]
    assert inputs["owned: usd per gpu"]["dated"] == "2026-02-01"


def test_another_model_than_the_ledgers_needs_a_ratio(company: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """The verdicts are of the answers of the model that gave them: another one's are not as useful by themselves."""
    folder = str(company.folder.root)
    words = ["placement", "compare", "--from-ledger", "--project", folder, "--where", f"model={MODEL}", "--draws", "60", "--json"]
    code = call([*words, "--options", f"{folder}/options.toml", "--model", "deepseek-r1"])
    body = json.loads(capfd.readouterr().out)
    assert code == 1
    assert body["verdict"] == "undecided: no option can be compared"
    assert all(f"it serves deepseek-r1, not {MODEL}" in option["out"][0] for option in body["options"])


def test_calls_of_several_models_are_told_apart(company: Project) -> None:
    found = ledger_traffic(company, Query())
    assert len(found.models) == 9
    assert "placement.several_models" in {each.code for each in found.findings}
    unmatched = ledger_traffic(company, Query(where={"provider": "openai"}))  # a word the report spells otherwise
    assert unmatched.useful_share is None
    assert "placement.no_outcomes" in {each.code for each in unmatched.findings}
    with pytest.raises(WrongUse, match="cannot be chosen by"):
        ledger_traffic(company, Query(where={"colour": "red"}))


def registered(tmp_path: Path, **words: Any) -> Own:
    (tmp_path / "assets.toml").write_text(REGISTER)
    option = {"kind": "own", "name": "owned", "gpu": "h100", "assets": "*", "register": "assets.toml", **words}
    ways, findings = with_registers(parse_options({"option": [option]}), tmp_path, None)
    assert not findings
    (found,) = ways.option
    assert isinstance(found, Own)
    return found


def test_an_option_takes_price_life_residual_and_running_cost_of_its_assets(tmp_path: Path) -> None:
    found = registered(tmp_path)
    said = {name: getattr(found, name).mid for name in Own.model_fields if getattr(getattr(found, name), "source", "").startswith("asset")}
    assert said == pytest.approx({
        "usd_per_gpu": 37_500, "network_storage_share": 45_000 / 600_000, "residual_share": 0.1, "kw_per_gpu": 1.275,
        "draw_share": 7.0 / 10.2, "pue": 1.25, "usd_per_kwh": 0.11, "usd_per_kw_month": 150, "gpus_per_fte": 32,
        "staff_usd_per_year": 180_000, "minimum_fte": 1, "life_years": (280 * 5 + 320 * 4) / 600,
    })  # fmt: skip
    one = registered(tmp_path, assets="dgx-h100-1", life_years=6)
    assert one.usd_per_gpu is not None
    assert one.life_years is not None
    assert (one.usd_per_gpu.mid, one.life_years.mid, one.network_storage_share) == (35_000, 6, None)  # what it says itself holds


@pytest.mark.parametrize(
    ("words", "told"),
    [({"assets": "tpu-*"}, "no asset with GPUs"), ({"register": "none.toml"}, "there is no register"), ({"register": None}, "in no register")],
    ids=["no-such-asset", "no-such-file", "no-register"],
)
def test_assets_that_are_not_there_are_told(tmp_path: Path, words: dict[str, Any], told: str) -> None:
    with pytest.raises(WrongUse, match=told):
        registered(tmp_path, **words)


def test_capital_is_worth_what_the_asset_rooms_schedule_charges(tmp_path: Path) -> None:
    """Depreciation of the register's schedule, and a return on what is not yet written off, are worth now as much as the
    even payments of the option, and as the price less what is left at the end."""
    path = tmp_path / "one.toml"
    path.write_text(REGISTER.partition("[[asset]]\nid = \"dgx-h100-2\"")[0])
    (asset,) = read_register(path).assets
    rate = Decimal("0.10")
    rows = schedule([asset], "ifrs", "year").rows
    charges = [from_coins(row.charge, "USD") for row in rows]
    opening = [from_coins(row.opening + row.additions, "USD") for row in rows]
    worth = present_value([charge + rate * held for charge, held in zip(charges, opening, strict=True)], rate)

    option = {
        "kind": "own", "name": "owned", "gpu": "h100", "assets": "dgx-h100-1", "register": "one.toml", "cost_of_capital": 0.10,
        "network_storage_share": 0, "minimum_gpus": 8, "spare_replicas": 0, "availability": 1,
    }  # fmt: skip
    test = {"gpu": "h100", "gpus_per_replica": 8, "processed": 1e9, "log_sd": 0, "dated": "2026-11-01", "source": "a load test"}
    ways, _ = with_registers(parse_options({"capacity": [test], "option": [option]}), tmp_path, None)
    traffic = ledger_free_demand()
    parts = placement.answer(case_of(traffic, ways, {}, parse_time("2026-11-22").date(), 50), with_flips=False)
    paid = parts.body["options"][0]["parts_usd_per_month"]
    yearly = Decimal(repr(12 * (paid["depreciation"] + paid["cost of capital"])))
    months = life_months(asset, "ifrs")
    assert months == 60
    assert float(present_value([yearly] * 5, rate)) == pytest.approx(float(worth), rel=1e-6)
    assert float(worth) == pytest.approx(280_000 - 28_000 / 1.1**5, rel=1e-6)
    # The depreciation is the straight line of the books, to the cent.
    line = WriteOff(Method.STRAIGHT_LINE, asset.cost - 2_800_000, 2_800_000, asset.start, asset.start + months)
    assert round(paid["depreciation"] * 100) == line.at(asset.start + 1)
    assert paid["depreciation"] * 12 == pytest.approx(float(charges[0]), abs=0.06)


def ledger_free_demand() -> Any:
    import numpy as np

    from netyield.project.placement import demand_of

    tokens = np.full(5000, 100, np.int64)
    return demand_of("a model", np.arange(5000.0), tokens, tokens, tokens // 2, "generated")


def test_a_fleet_is_sized_for_the_ledgers_calls(company: Project, capfd: pytest.CaptureFixture[str]) -> None:
    folder = str(company.folder.root)
    words = ["placement", "size", "--from-ledger", "--project", folder, "--where", f"model={MODEL}", "--model", "openai/gpt-oss-120b"]
    code = call([*words, "--gpu", "b200", "--json"])
    told = capfd.readouterr()
    assert code == 0, told.err
    body = json.loads(told.out)
    books = books_of(company, MODEL)
    requests, traffic = body["traffic"]["requests"], body["traffic"]
    assert traffic["mean_input_tokens"] * requests == pytest.approx(sum(books[name] for name in books if name.startswith("in_")))
    # What the ledger says was cached is not computed again, and the hours are those of the week they were.
    assert body["cached_share"] == pytest.approx(books["in_cache_read"] / (traffic["mean_input_tokens"] * requests), rel=0.01)
    assert body["hours_from"] == "Monday 00:00 UTC"
    assert body["replicas"] >= 1
