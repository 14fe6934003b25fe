"""What do GPUs of one's own cost, as the asset register has them? Its price, life, residual and running cost become an option's.

An option names assets by ``assets`` (a glob of their ids); their register is ``register``, else that of the project the
traffic comes from. One that names neither assets nor a price takes those of the project's whose id, pool, group or tags name
its GPU, where there are any. Assets without GPUs among them (switches, storage) are the option's network and storage. What the
register leaves open stays as the option says, or as it is assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netyield.core.currencies import from_coins
from netyield.core.errors import ConfigError, WrongUse
from netyield.core.finding import Finding
from netyield.economics.placement.options import Options
from netyield.economics.placement.uncertain import Uncertain
from netyield.economics.placement.ways import Own
from netyield.sources.bills.assets.asset import Asset, Kind, resolved
from netyield.sources.bills.assets.register import Register, read_register
from netyield.sources.bills.assets.running_terms import Running
from netyield.sources.bills.assets.terms import BookName

if TYPE_CHECKING:
    from netyield.project import Project

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Held:
    """Assets that one option names, and the register they are in."""

    name: str
    register: Register
    assets: tuple[Asset, ...]

    @property
    def gpus(self) -> int:
        """How many GPUs they have."""
        return sum(asset.terms.gpus for asset in self.assets)


def with_registers(ways: Options, folder: Path, project: Project | None) -> tuple[Options, tuple[Finding, ...]]:
    """The options with what the asset registers say of their assets. ``folder``: where ``register`` is looked for.

    Raises WrongUse when no GPU of the register is named so, or its money is not in US dollars.
    """
    found, options = [], []
    for option in ways.option:
        held = _held(option, folder, project) if isinstance(option, Own) else None
        if isinstance(option, Own) and held is not None:
            found += held.register.findings
            option = option.model_copy(update=_said(option, held))
        options.append(option)
    return ways.model_copy(update={"option": tuple(options)}), tuple(dict.fromkeys(found))


def _held(option: Own, folder: Path, project: Project | None) -> Held | None:
    if option.assets is None:
        return _found(option, project)
    registers = _registers(option, folder, project)
    for name, register in registers:
        named = tuple(asset for asset in register.assets if fnmatchcase(asset.id, option.assets))
        if sum(asset.terms.gpus for asset in named):
            other = sorted({asset.currency for asset in named} - {"USD"})
            if other:
                message = f"{option.name}: its assets are in {', '.join(other)}, options in US dollars."
                raise WrongUse(message, 'Give the register functional_currency = "USD" and [[rate]].')
            return Held(name, register, named)
    message = f"{option.name}: no asset with GPUs is named {option.assets} in {', '.join(name for name, _ in registers)}."
    raise WrongUse(message, 'Correct assets = "...", or give the assets their number of gpus.')


def _found(option: Own, project: Project | None) -> Held | None:
    """The project's assets that name the option's GPU; None where there are none, or the option has a price."""
    if project is None or option.usd_per_gpu is not None:
        return None
    from netyield.project.owned_assets import registers

    try:
        known = registers(project)
    except ConfigError:
        return None
    for name, register in known:
        named = tuple(asset for asset in register.assets if asset.terms.gpus and _names(asset, option.gpu) and asset.currency == "USD")
        if named:
            return Held(name, register, named)
    return None


def _names(asset: Asset, gpu: str) -> bool:
    words = (asset.id, asset.terms.pool, asset.terms.group, *(asset.terms.tags or {}).values())
    return any(gpu.lower() in word.lower() for word in words)


def _registers(option: Own, folder: Path, project: Project | None) -> Sequence[tuple[str, Register]]:
    if option.register_file is not None:
        path = folder / option.register_file
        if not path.is_file():
            message = f"{option.name}: there is no register {path}."
            raise WrongUse(message, "Correct register = \"...\": it is looked for beside the options file.")
        return [(path.name, read_register(path))]
    if project is None:
        message = f"{option.name}: assets = {option.assets!r} are in no register."
        raise WrongUse(message, "Write register = \"assets.toml\", or take the traffic --from-ledger of a project that has one.")
    from netyield.project.owned_assets import registers

    try:
        return registers(project)
    except ConfigError as none:
        message = f"{option.name}: {none.message}"
        raise WrongUse(message, none.repair) from None


def _said(option: Own, held: Held) -> dict[str, Any]:
    """What the register says, where the option itself says nothing."""
    said = _capital(held) | _running(held)
    return {key: value for key, value in said.items() if getattr(option, key) is None}


def _capital(held: Held) -> dict[str, Uncertain]:
    book = held.register.terms.book
    machines = [asset for asset in held.assets if asset.terms.gpus]
    others = [asset for asset in held.assets if not asset.terms.gpus]
    paid, beside = _cost(machines), _cost(others)
    each = [paid_of(asset) / asset.terms.gpus for asset in machines]
    lives = [(paid_of(asset), life_months(asset, book)) for asset in machines]
    known = [(weight, months) for weight, months in lives if months is not None]
    found = {
        "usd_per_gpu": _between([float(amount) for amount in each], float(paid / held.gpus), held),
        "residual_share": _exactly(float(sum((_residual(asset, book) for asset in machines), Decimal(0)) / paid), held),
    }
    if known:
        mean = sum(float(weight) * float(months) for weight, months in known) / sum(float(weight) for weight, _ in known)
        found["life_years"] = _exactly(mean / MONTHS, held)
    if others:
        found["network_storage_share"] = _exactly(float(beside / paid), held)
    return found


def paid_of(asset: Asset) -> Decimal:
    """The cost of an asset in its currency."""
    return from_coins(asset.cost, asset.currency)


def life_months(asset: Asset, book: BookName) -> Fraction | None:
    """How long an asset serves by its latest estimate in a book; None when it is written off by units."""
    end = _latest(asset, book).end
    return None if end is None else end - asset.start


def _residual(asset: Asset, book: BookName) -> Decimal:
    return from_coins(_latest(asset, book).residual, asset.currency)


def _latest(asset: Asset, book: BookName) -> Any:
    estimate = asset.estimate(book)
    for event in asset.events(book):
        if event.kind is Kind.ESTIMATE and event.change is not None:
            estimate = resolved(asset, estimate, event.change, event.at)
    return estimate


def _cost(assets: Sequence[Asset]) -> Decimal:
    return sum((paid_of(asset) for asset in assets), Decimal(0))


def _running(held: Held) -> dict[str, Uncertain]:
    """The last entry of each kind that speaks of these assets."""
    found: dict[str, Uncertain] = {}
    kilowatts = _per_gpu(held, "colocation") or _per_gpu(held, "power")
    if kilowatts:
        found["kw_per_gpu"] = _exactly(kilowatts, held)
    for entry in (each for each in held.register.terms.running if _speaks(each, held)):
        if entry.kind == "power" and kilowatts:
            drawn = (_per_gpu(held, "power") or 0.0) * float(entry.powered_share if entry.powered_share is not None else 1)
            found |= _exact(held, draw_share=min(1.0, drawn / kilowatts), pue=entry.pue, usd_per_kwh=entry.per_kwh)
        if entry.kind == "colocation":
            found |= _exact(held, usd_per_kw_month=entry.per_kw_month)
        if entry.kind == "staff" and entry.per_person_month is not None:
            found |= _exact(held, gpus_per_fte=entry.gpus_per_person, staff_usd_per_year=entry.per_person_month * MONTHS, minimum_fte=1)
        if entry.kind == "maintenance":
            share = entry.share_of_cost_per_year
            if share is None and entry.per_month is not None:
                share = entry.per_month * MONTHS * len(held.assets) / _cost(held.assets)
            found |= _exact(held, maintenance_share=share)
    return found


def _per_gpu(held: Held, kind: str) -> float | None:
    """Kilowatts of each GPU by the last entry of a kind: an entry's are those of each asset it names."""
    named = [each for each in held.register.terms.running if each.kind == kind and _speaks(each, held)]
    if not named or named[-1].kilowatts is None:
        return None
    machines = sum(1 for asset in held.assets if fnmatchcase(asset.id, named[-1].assets))
    return float(named[-1].kilowatts) * machines / held.gpus


def _speaks(entry: Running, held: Held) -> bool:
    return entry.until is None and any(fnmatchcase(asset.id, entry.assets) for asset in held.assets)


def _exact(held: Held, **values: Any) -> dict[str, Uncertain]:
    return {key: _exactly(float(value), held) for key, value in values.items() if value is not None}


def _exactly(value: float, held: Held) -> Uncertain:
    return _between([value], value, held)


def _between(values: Sequence[float], mean: float, held: Held) -> Uncertain:
    bought = max(asset.terms.purchased or asset.terms.in_service for asset in held.assets)
    words = f"asset register {held.name}: {len(held.assets)} asset{'s' if len(held.assets) > 1 else ''}, {held.gpus} GPUs"
    return Uncertain(min(values), mean, max(values), source=words, dated=bought.isoformat())


__all__ = ["life_months", "paid_of", "with_registers"]
