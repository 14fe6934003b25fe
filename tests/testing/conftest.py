from __future__ import annotations

import pytest
from company import Company

from netyield.testing.example import generate


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """One example company for all tests here; nobody writes into its folder."""
    folder = tmp_path_factory.mktemp("company")
    generate(folder)
    return Company(folder)
