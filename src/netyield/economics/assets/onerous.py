"""What must be provided for a contract that costs more than it brings?

    IAS 37.66-69    net cost to fulfil = periods * (cost - income); assets dedicated to the contract are written down first,
                    the provision is the lower of what is left and the penalty for leaving
    US GAAP         no general provision: only after termination (the penalty) or cease-use (fair value of what is still
                    due, ASC 420-10-30), so a contract in use carries none

Cost to fulfil is incremental and allocated direct cost (IAS 37.68A).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from netyield.economics.assets.impairment_terms import Onerous
from netyield.economics.assets.present_value import rounded

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Provision:
    """``amount`` None: the case does not decide it. ``written_down``: of the dedicated assets, before the provision."""

    amount: Decimal | None
    net_cost: Decimal
    written_down: Decimal
    why: str


def ifrs_provision(contract: Onerous, unit: Decimal) -> Provision:
    """IAS 37: the lower of fulfilling and leaving, after the dedicated assets."""
    net = max(ZERO, contract.periods * (contract.cost - contract.income))
    unavoidable = net if contract.penalty is None else min(net, contract.penalty)
    written = min(unavoidable, contract.dedicated_carrying)
    chosen = "fulfil" if contract.penalty is None or net <= contract.penalty else "leave"
    why = f"the cheaper way is to {chosen} (IAS 37.68)" if net else "it brings at least what it costs"
    return Provision(rounded(unavoidable - written, unit), rounded(net, unit), rounded(written, unit), why)


def us_gaap_provision(contract: Onerous, unit: Decimal) -> Provision:
    """US GAAP: nothing while the contract is in use."""
    net = rounded(max(ZERO, contract.periods * (contract.cost - contract.income)), unit)
    if contract.us_status == "in_use":
        return Provision(ZERO, net, ZERO, "no general provision for a contract in use")
    if contract.us_status == "terminated":
        return Provision(rounded(contract.penalty or ZERO, unit), net, ZERO, "the termination penalty (ASC 420-10-25-12)")
    value = contract.ceased_use_fair_value
    return Provision(None if value is None else rounded(value, unit), net, ZERO, "fair value of what is still due (ASC 420-10-30-7)")
