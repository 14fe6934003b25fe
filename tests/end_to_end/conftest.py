from __future__ import annotations

from pathlib import Path

import pytest
from command import MakeProduct, Product


@pytest.fixture
def make(tmp_path: Path) -> MakeProduct:
    """A project folder of one test with this netyield.toml."""
    return lambda toml: Product(tmp_path / "project", toml)


@pytest.fixture(scope="session")
def make_shared(tmp_path_factory: pytest.TempPathFactory) -> MakeProduct:
    """A project folder that several tests only read."""
    return lambda toml: Product(tmp_path_factory.mktemp("shared") / "project", toml)
