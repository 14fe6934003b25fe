"""One name for what is paid for, what reports and what answers."""

from __future__ import annotations

from netyield.core.names import UNKNOWN
from netyield.ledger.pools import ONE_POOL, pool_of_attempt, pool_of_charge, pool_of_device
from netyield.ledger.settings import PoolRule

RULES = [
    PoolRule(name="a", tags={"team": "red"}, hosts=["gpu-a-*"], models=["llama*"]),
    PoolRule(name="b", resources=["i-b*"], devices=["GPU-b*"], endpoints=["http://b.*"], replicas=["b-*"]),
]


def test_charges_by_tag_resource_host_and_pool_tag() -> None:
    assert pool_of_charge({"tags": '{"team": "red"}'}, RULES, []) == "a"
    assert pool_of_charge({"resource_id": "i-b7"}, RULES, []) == "b"
    assert pool_of_charge({"resource_name": "gpu-a-1"}, RULES, []) == "a"
    assert pool_of_charge({"tags": '{"pool": "c"}'}, RULES, []) == "c"
    assert pool_of_charge({"resource_id": "i-x"}, RULES, []) == UNKNOWN


def test_without_rules_names_that_agree_are_proposed() -> None:
    assert pool_of_charge({}, [], []) == ONE_POOL
    assert pool_of_charge({}, [], ["vc1"]) == "vc1"
    assert pool_of_charge({}, [], ["vc1", "vc2"]) == UNKNOWN
    assert pool_of_device(None, "g", "h", [], []) == ONE_POOL
    assert pool_of_device(None, "g", "h", [], ["x"]) == "x"
    assert pool_of_device("declared", "g", "h", RULES, []) == "declared"


def test_devices_and_attempts() -> None:
    assert pool_of_device(None, "GPU-b1", None, RULES, []) == "b"
    assert pool_of_device(None, "GPU-x", "gpu-a-9", RULES, []) == "a"
    assert pool_of_device(None, "GPU-x", None, RULES, []) == UNKNOWN
    assert pool_of_attempt(None, "llama-70b", None, None, RULES) == "a"
    assert pool_of_attempt(None, "llama-70b", "http://b.local/v1", None, RULES) == "b"
    assert pool_of_attempt(None, "gpt-4o", "https://api.openai.com", None, RULES) is None
