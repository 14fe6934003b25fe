"""The bill lines of the GPU pools: instance hours, the unused part of what was reserved, and the month's fee."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from netyield.core.money import from_pico
from netyield.testing.example.bill_rows import EC2, HOURS, MONTH_HOURS, WINDOW_FROM_MONTH_START_HOURS, Line
from netyield.testing.example.identity import named_uuid
from netyield.testing.example.plan import COMMITTED_NODES, NODES, Node, Pool

COMMITMENT = {
    "CommitmentDiscountId": "arn:aws:ec2:us-east-1:481210374455:reserved-instances/4f1c2a90",
    "CommitmentDiscountName": "p5 reservation, 3 years",
    "CommitmentDiscountType": "Reserved Instance",
    "CommitmentDiscountCategory": "Usage",
}


def gpu_lines(pool: Pool) -> Iterator[Line]:
    """Every line of one pool."""
    nodes = [machine for machine in NODES if machine.pool == pool.name]
    for hour in range(HOURS):
        running = [machine for machine in nodes if machine.launched <= hour * 60]
        for machine in running:
            yield _instance(pool, hour, machine)
        for spare in range(COMMITTED_NODES.get(pool.name, len(running)) - len(running)):
            yield _unused(pool, hour, nodes[0].gpus, spare)
    if pool.purchase == "commitment":
        yield _purchase(pool)


def _price(pool: Pool, gpus: int) -> Decimal:
    return from_pico(pool.pico_per_gpu_minute * 60 * gpus).normalize()


def _instance(pool: Pool, hour: int, machine: Node) -> Line:
    price = _price(pool, machine.gpus)
    more: dict[str, str] = {}
    billed = None
    if pool.purchase == "commitment":
        billed = Decimal(0)
        more = COMMITMENT | {
            "CommitmentDiscountStatus": "Used",
            "CommitmentDiscountQuantity": "1",
            "CommitmentDiscountUnit": "Instance-Hours",
            "PricingCategory": "Committed",
        }
    elif pool.purchase == "reservation":
        more = {"CapacityReservationId": _reservation(pool), "CapacityReservationStatus": "Used"}
    return Line(
        "",
        "aws",
        EC2,
        f"{pool.instance_type} instance hour",
        hour,
        1,
        Decimal(1),
        "Hours",
        price,
        Decimal(pool.list_price_per_hour),
        billed=billed,
        sku=f"{pool.instance_type}.linux",
        meter=f"BoxUsage:{pool.instance_type}",
        details={"InstanceType": pool.instance_type, "GpuCount": machine.gpus, "OperatingSystem": "Linux"},
        resource=(f"i-{named_uuid(machine.name)[:8]}{named_uuid(machine.name)[-9:]}", machine.name, "Instance"),
        tags={"pool": pool.name, "cluster": "ai"},
        more=more,
        pool=pool.name,
    )


def _unused(pool: Pool, hour: int, gpus: int, spare: int) -> Line:
    price = _price(pool, gpus)
    if pool.purchase == "commitment":
        more = COMMITMENT | {
            "CommitmentDiscountStatus": "Unused",
            "CommitmentDiscountQuantity": "1",
            "CommitmentDiscountUnit": "Instance-Hours",
            "PricingCategory": "Committed",
        }
        resource = (COMMITMENT["CommitmentDiscountId"], "", "Reserved Instance")
    else:
        more = {"CapacityReservationId": _reservation(pool), "CapacityReservationStatus": "Unused"}
        resource = (_reservation(pool), "", "Capacity Reservation")
    return Line(
        "commitment_unused",
        "aws",
        EC2,
        f"{pool.instance_type} unused reservation {spare + 1}",
        hour,
        1,
        Decimal(1),
        "Hours",
        price,
        billed=Decimal(0) if pool.purchase == "commitment" else None,
        sku=f"{pool.instance_type}.unused",
        meter=f"UnusedBox:{pool.instance_type}",
        details={"InstanceType": pool.instance_type, "GpuCount": gpus},
        resource=resource,
        tags={"pool": pool.name, "cluster": "ai"},
        pool=pool.name,
        more=more | {"ConsumedQuantity": "", "ConsumedUnit": ""},
    )


def _reservation(pool: Pool) -> str:
    return f"arn:aws:ec2:us-east-1:481210374455:capacity-reservation/cr-{named_uuid(pool.name)[:8]}"


def _purchase(pool: Pool) -> Line:
    """The month's fee: billed now, amortised on the Used and Unused rows, hence of no effective cost itself."""
    price = _price(pool, 8)
    return Line(
        "",
        "aws",
        EC2,
        f"{pool.instance_type} reservation, recurring fee",
        -WINDOW_FROM_MONTH_START_HOURS,
        MONTH_HOURS,
        Decimal(COMMITTED_NODES[pool.name] * MONTH_HOURS),
        "Hours",
        price,
        effective=Decimal(0),
        category="Purchase",
        frequency="Recurring",
        sku=f"{pool.instance_type}.reserved",
        meter=f"HeavyUsage:{pool.instance_type}",
        details={"InstanceType": pool.instance_type, "GpuCount": 8},
        tags={"pool": pool.name, "cluster": "ai"},
        resource=(COMMITMENT["CommitmentDiscountId"], "", "Reserved Instance"),
        more=COMMITMENT
        | {
            "CommitmentDiscountQuantity": str(COMMITTED_NODES[pool.name] * MONTH_HOURS),
            "CommitmentDiscountUnit": "Instance-Hours",
        },
        pool=pool.name,
    )
