"""Which assets does a verb speak of? Those of the register named, or of the project's sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from netyield.faces.cli.assets.options import read
from netyield.faces.cli.opened import open_project

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.economics.assets.schedule import Schedule
    from netyield.economics.assets.unit_costs import UnitCost
    from netyield.project import Project
    from netyield.sources.bills.assets.asset import Asset
    from netyield.sources.bills.assets.terms import BookName


@dataclass
class Found:
    """Assets, where they are from, and the project that knows what tokens cost (None: no project was named)."""

    name: str
    book: BookName
    assets: list[Asset]
    findings: list[Finding] = field(default_factory=list)
    project: Project | None = None

    def unit_costs(self, book: BookName, known: date | None, other: Schedule | None = None) -> tuple[UnitCost, ...]:
        """The unit costs of the project's months; none without one. In the register's own book they are as booked."""
        if self.project is None:
            return ()
        from netyield.economics.assets.schedule import schedule
        from netyield.project.owned_assets import unit_costs

        full = None if book == self.book else schedule(self.assets, book, as_of=known)
        costs, findings = unit_costs(self.project, full, other, known)
        self.findings += findings
        return tuple(costs)


def opened(asset: Path | None, project: Path | None) -> Found:
    """The register named, else every one of the project. Raises WrongUse, ConfigError or StoreError."""
    held = open_project(project) if project is not None or asset is None else None
    if asset is not None:
        register = read(asset)
        return Found(asset.name, register.terms.book, register.assets, register.findings, held)
    from netyield.project.owned_assets import registers

    assert held is not None
    listed = registers(held)
    assets = [each for _, register in listed for each in register.assets]
    findings = [each for _, register in listed for each in register.findings]
    return Found(", ".join(name for name, _ in listed), listed[0][1].terms.book, assets, findings, held)
