"""What contradicts itself in an asset's terms? Each fault is a finding; an asset with one is left out, nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from netyield.core.currencies import from_coins
from netyield.core.depreciation import Method, clock
from netyield.core.finding import Finding
from netyield.sources.bills.assets.asset import Asset, Kind
from netyield.sources.bills.assets.history import history
from netyield.sources.bills.assets.terms import BOOKS, BookName, Change, Estimates
from netyield.sources.opened import Place

Fault = tuple[str, str, str]  # code, message, repair


def faults(asset: Asset) -> list[Fault]:
    """Everything that makes an asset's schedule impossible; the events are looked at only when the terms are sound."""
    found = [*_terms(asset), *_dates(asset), *(fault for change in asset.changes for fault in _change(asset, change))]
    if not found and (asset.terms.write_down or asset.terms.reversal or asset.changes):
        found = list(dict.fromkeys(fault for book in BOOKS for fault in _events(asset, book)))
    return found


def _terms(asset: Asset) -> Iterator[Fault]:
    terms = asset.terms
    if asset.cost <= 0:
        yield "negative_cost", f"its cost is {terms.cost}", "Write what was paid, a positive amount."
    for words in (terms, terms.ifrs, terms.us_gaap):
        if words is not None:
            yield from _estimates(asset, words)
    for book in BOOKS if terms.ifrs or terms.us_gaap else BOOKS[:1]:
        estimate = asset.estimate(book)
        if estimate.method is Method.UNITS and not estimate.units_total:
            yield "no_units_total", "method units has no units_total", "Say how many units (powered hours) its life has."
        if estimate.method is not Method.UNITS and estimate.end is None:
            yield "no_life", "it has no useful life", 'Add useful_life, for example "6y".'


def _estimates(asset: Asset, words: Estimates) -> Iterator[Fault]:
    if words.residual is not None and words.residual < 0:
        yield "negative_residual", f"its residual value is {words.residual}", "A residual value is 0 or more; costs of removal are not one."
    if words.residual is not None and words.residual > asset.terms.cost:
        yield "residual_above_cost", f"its residual value {words.residual} is above its cost {asset.terms.cost}", "One of them is wrong."
    if words.useful_life is not None and words.remaining_life is not None:
        yield "two_lives", "both useful_life and remaining_life are given", "Keep one: useful_life counts from in_service."
    life = words.useful_life if words.useful_life is not None else words.remaining_life
    if life is not None and not 0 < life <= 1200:
        yield "impossible_life", f"a life of {life} months is none", 'Write a life of up to a hundred years, for example "6y".'
    if words.factor is not None and words.factor <= 0:
        yield "impossible_factor", f"factor {words.factor} declines nothing", "Write 2 for double declining, 1.5 for 150 %."
    if words.units_total is not None and words.units_total <= 0:
        yield "no_units_total", f"units_total is {words.units_total}", "Say how many units its life has."


def _dates(asset: Asset) -> Iterator[Fault]:
    terms = asset.terms
    if terms.purchased and terms.purchased > terms.in_service:
        yield "served_before_purchase", f"it serves from {terms.in_service} and was purchased on {terms.purchased}", "Correct one of the days."
    if terms.disposed and terms.disposed < terms.in_service:
        yield "disposed_before_service", f"it was disposed of on {terms.disposed}, before {terms.in_service}", "Correct one of the days."
    for each, word in (*((loss, "write-down") for loss in terms.write_down), *((back, "reversal") for back in terms.reversal)):
        if each.at < terms.in_service or (terms.disposed and each.at > terms.disposed):
            message = f"its {word} is dated {each.at}, when it was not in service"
            yield "write_down_out_of_service", message, "Correct the day; a loss before service belongs into its cost."
    if terms.proceeds is not None and terms.disposed is None:
        yield "proceeds_without_disposal", "it has proceeds and no day of disposal", "Add disposed."
    if terms.proceeds is not None and terms.proceeds < 0:
        yield "negative_proceeds", f"its proceeds are {terms.proceeds}", "Book a cost of removal as a bill line of its own."


def _change(asset: Asset, change: Change) -> Iterator[Fault]:
    yield from _estimates(asset, change)
    terms, day = asset.terms, change.effective
    if day < terms.in_service:
        message = f"a change takes effect on {day}, before it serves ({terms.in_service})"
        yield "change_before_service", message, "Write the estimate into the asset itself."
    if terms.disposed and day > terms.disposed:
        yield "change_after_disposal", f"a change takes effect on {day}, after its disposal ({terms.disposed})", "Remove one of them."
    if change.recorded and _month(change.recorded) > _month(day):
        yield (
            "retroactive_change", f"a change recorded on {change.recorded} takes effect on {day}",
            "A change of estimate is prospective (IAS 8.36, ASC 250-10-45-17): make it effective in the month it was recorded.",
        )  # fmt: skip
    if change.useful_life is not None and asset.start + change.useful_life <= clock(day):
        yield (
            "life_over", f"the life of {_life(change)} it is changed to on {day} had already ended",
            "Give a life that ends later, a remaining_life, a write_down or a disposal.",
        )  # fmt: skip


def _life(change: Change) -> str:
    return f"{change.useful_life} months"


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _events(asset: Asset, book: BookName) -> Iterator[Fault]:
    """Write-downs and reversals against what the asset was worth on their day."""
    found, clean = history(asset, book), None
    seen = 0
    for event in asset.events(book):
        if event.kind not in (Kind.WRITE_DOWN, Kind.REVERSAL):
            continue
        opening = found.at_end(int(event.at) - 1)
        carrying = asset.cost - opening[0] - seen
        seen += event.amount if event.kind is Kind.WRITE_DOWN else -event.amount
        if event.amount <= 0:
            yield "impossible_amount", f"the {_word(event.kind)} on {event.day} is not above 0", "Write a positive amount."
        elif event.kind is Kind.WRITE_DOWN and event.amount > carrying:
            yield (
                "write_down_above_carrying", f"the write-down on {event.day} is above the carrying amount {from_coins(carrying, asset.currency)}",
                "Write down at most what is on the books.",
            )  # fmt: skip
        elif event.kind is Kind.REVERSAL and book == "us_gaap":
            yield "reversal_under_us_gaap", f"the loss is reversed on {event.day}", 'ASC 360-10-35-20 allows no reversal; add book = "ifrs" to it.'
        elif event.kind is Kind.REVERSAL:
            clean = clean or history(asset, book, unimpaired=True)
            cap = clean.at_end(int(event.at) - 1)[2]
            if carrying + event.amount > cap:
                most = from_coins(max(0, cap - carrying), asset.currency)
                message = f"the reversal on {event.day} lifts it above {from_coins(cap, asset.currency)}, its unimpaired worth"
                yield "reversal_above_cap", message, f"IAS 36.117 caps it at {most}."


def _word(kind: Kind) -> str:
    return kind.name.lower().replace("_", "-")


def overlapping(assets: Iterable[Asset], place: Place) -> tuple[list[Asset], list[Finding]]:
    """Assets without those that are another one again: the same id, or the same serial number at the same time."""
    kept: list[Asset] = []
    found: list[Finding] = []
    ids: set[str] = set()
    serials: dict[str, list[Asset]] = {}
    for asset in assets:
        twin = next((other for other in serials.get(asset.terms.serial, ()) if _meet(asset, other)), None)
        if asset.id in ids:
            message = f"asset {asset.id!r} stands twice in the register; the later one is left out"
            found.append(place.error("same_id", message, "Give each asset its own id, or remove one.", asset.row))
        elif asset.terms.serial and twin is not None:
            message = f"assets {twin.id!r} and {asset.id!r} have the serial {asset.terms.serial!r} at the same time; the later one is left out"
            found.append(place.error("overlapping", message, "Say when the first was disposed of, or remove one.", asset.row))
        else:
            kept.append(asset)
            ids.add(asset.id)
            serials.setdefault(asset.terms.serial, []).append(asset)
    return kept, found


def _meet(one: Asset, other: Asset) -> bool:
    """Whether two assets serve at the same time."""
    first, second = sorted((one, other), key=lambda asset: asset.terms.in_service)
    return first.terms.disposed is None or first.terms.disposed > second.terms.in_service
