"""Pools proposed from shared names: those of the example company are the ones its own configuration declares."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_rows import START, make_project

from netyield.config import load
from netyield.project import Project, Query
from netyield.testing.example import generate

DAY = timedelta(days=1)


def line(number: int, name: str | None = None, tag: str | None = None) -> dict[str, Any]:
    tags = f'{{"pool": "{tag}"}}' if tag else None
    return {
        "charge_start": START, "charge_end": START + DAY, "effective_cost": Decimal(number), "gpu_count": 1,
        "resource_id": f"i-{number}", "resource_name": name, "tags": tags, "service_name": "Compute",
    }  # fmt: skip


def gpu(device: str, host: str, **more: Any) -> dict[str, Any]:
    return {"device_id": device, "host": host, "value": 1.0, "event_time": START} | more


def rules(project: Project) -> dict[str, dict[str, Any]]:
    return {str(each.rule["name"]): dict(each.rule) for each in project.pool_proposals()}


def test_the_example_companys_pools_are_found_and_give_its_report(tmp_path: Path) -> None:
    generate(tmp_path)
    declared = load(tmp_path / "netyield.toml")
    text = (tmp_path / "netyield.toml").read_text()
    head, _, rest = text.partition("[[pool]]")
    (tmp_path / "netyield.toml").write_text(head + rest[rest.index("[[scope]]") :])
    project = Project.open(tmp_path)
    project.ingest()
    found = {each.rule["name"]: each for each in project.pool_proposals()}
    for rule in declared.pool:
        assert (found[rule.name].rule["hosts"], found[rule.name].rule["tags"]) == (rule.hosts, rule.tags)
    assert set(found) == {rule.name for rule in declared.pool}
    assert found["h100-a"].rule["endpoints"] == ["llama-405b-*", "llama-70b-*"]
    assert (found["h100-a"].nodes, found["h100-a"].devices) == (("gpu-a-1", "gpu-a-2"), 16)

    def steps(pools: list[dict[str, Any]]) -> Any:
        config = project.config.model_validate({**project.config.model_dump(), "pool": pools})
        return Project(tmp_path, config).answer("waterfall", Query()).body["rows"]

    assert steps([dict(each.rule) for each in found.values()]) == steps([rule.model_dump() for rule in declared.pool])


def test_nodes_join_the_bill_by_resource_name_and_each_other_by_their_stem(tmp_path: Path) -> None:
    project = make_project(
        tmp_path,
        charges=[line(5, "gpu-a-1"), line(7)],
        gpu_samples=[gpu("d1", "gpu-a-1"), gpu("d2", "gpu-a-2"), gpu("d3", "big-box"), gpu("d4", "gpu-ab-1")],
    )
    assert rules(project) == {
        "big-box": {"name": "big-box", "hosts": ["big-box"]},
        "gpu-a": {"name": "gpu-a", "hosts": ["gpu-a-*"]},
        "gpu-ab": {"name": "gpu-ab", "hosts": ["gpu-ab-*"]},
    }
    proposed = {each.rule["name"]: each for each in project.pool_proposals()}
    assert (proposed["gpu-a"].bill_lines, proposed["gpu-a"].amount) == (1, Decimal(5))


def test_a_glob_never_takes_the_node_of_another_pool(tmp_path: Path) -> None:
    tagged = [line(1, "n-1", "red"), line(2, "n-2", "blue")]
    project = make_project(tmp_path, charges=tagged, gpu_samples=[gpu("d1", "n-1"), gpu("d2", "n-2")])
    assert rules(project) == {
        "blue": {"name": "blue", "tags": {"pool": "blue"}, "hosts": ["n-2"]},
        "red": {"name": "red", "tags": {"pool": "red"}, "hosts": ["n-1"]},
    }


def test_engines_join_by_their_pod_and_a_model_only_where_one_pool_serves_it(tmp_path: Path) -> None:
    samples = [gpu("d1", "n-1"), gpu("d2", "m-1")]
    owners = [{"device_id": d, "owner": f"serve/{pod}", "event_time": START, "state": "allocated"} for d, pod in (("d1", "x-0"), ("d2", "y-0"))]
    reports = [
        {"replica": pod, "engine": "vllm", "model": model, "metric": "vllm:prompt_tokens", "kind": "counter", "value": 1.0, "event_time": START}
        for pod, model in (("x-0", "llama"), ("x-0", "both"), ("y-0", "both"))
    ]
    project = make_project(tmp_path, gpu_samples=samples, gpu_owners=owners, engine_samples=reports)
    assert rules(project)["n"] == {"name": "n", "hosts": ["n-*"], "models": ["llama"]}
    assert rules(project)["m"] == {"name": "m", "hosts": ["m-*"]}


def test_without_agreement_or_beside_rules_nothing_is_proposed(tmp_path: Path) -> None:
    assert make_project(tmp_path / "a", gpu_samples=[gpu("d1", "n-1")]).pool_proposals() == []
    toml = '[[pool]]\nname = "p"\n'
    both = {"charges": [line(1, "n-1")], "gpu_samples": [gpu("d1", "n-1")]}
    assert make_project(tmp_path / "b", toml, **both).pool_proposals() == []
    assert len(make_project(tmp_path / "c", **both).pool_proposals()) == 1
