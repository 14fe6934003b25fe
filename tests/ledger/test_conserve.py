"""The check that runs in production."""

from __future__ import annotations

from decimal import Decimal

import pytest

from netyield.core.errors import ConservationError
from netyield.ledger.conserve import check


def test_one_pico_unit_is_noticed_with_both_numbers() -> None:
    check("a pass", {"USD": Decimal(1), "EUR": Decimal(0)}, {"USD": Decimal("1.000000000000")})
    with pytest.raises(ConservationError, match=r"1 USD went in and 1\.000000000001 came out"):
        check("a pass", {"USD": Decimal(1)}, {"USD": Decimal("1.000000000001")})
    with pytest.raises(ConservationError, match="KRW"):
        check("a pass", {}, {"KRW": Decimal(5)})
