"""Requests split one at a time, from docs/waterfall.md: no SQL, no columns, nothing of the rooms this checks.

Python integers have no size, so that whatever the statements do to stay inside 64 bits is checked against plain arithmetic.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netyield.core.period import micros

HOUR_US = 3_600_000_000
LONGEST_US = 6 * HOUR_US
VISIBLE = ("out_text", "out_audio", "out_image")
OUTPUT = (*VISIBLE, "out_reasoning", "out_rejected_prediction")
CACHED = ("in_cache_read", "in_audio_cache_read", "in_image_cache_read")
COMPUTED = (
    "in_uncached", "in_cache_write_5m", "in_cache_write_30m", "in_cache_write_1h", "in_cache_write_12h", "in_cache_write_unknown",
    "in_audio", "in_image", "in_tool",
)
WHO = ("model", "team", "app", "customer")
Row = Mapping[str, Any]
Replica = tuple[str, str]  # pool, owner; owner "" = the pool as a whole


def quotient(a: int, b: int) -> int:
    """Toward zero, so that the shares of a credit are those of a charge with the sign turned."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


@dataclass(frozen=True)
class Call:
    """One attempt, its times in microseconds, and the replica that worked for it (none: an API call or a replay)."""

    row: Row
    t: int
    e: int
    replica: Replica | None

    @property
    def id(self) -> int:
        return int(self.row["attempt_id"])

    @property
    def hour(self) -> int:
        return self.t // HOUR_US

    def word(self, name: str) -> str:
        return self.row.get(name) or ("standard" if name == "tariff" else "")

    def words(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.word(name) for name in names)

    def tokens(self, *names: str) -> int:
        return sum(self.row.get(name) or 0 for name in names)

    @property
    def computed(self) -> int:
        return self.tokens(*COMPUTED)

    @property
    def input(self) -> int:
        return self.tokens(*COMPUTED, *CACHED)

    @property
    def output(self) -> int:
        return self.tokens(*OUTPUT)


def calls(rows: Iterable[Row], since: int, owners: Sequence[Replica]) -> list[Call]:
    """The attempts that run on or after ``since``, none longer than six hours or shorter than a microsecond."""
    found = []
    for row in rows:
        t = micros(row["event_time"])
        end = t if row["end_time"] is None else micros(row["end_time"])
        call = Call(row, t, t + min(max(end - t, 1), LONGEST_US), served_by(row, owners))
        if t >= since or (row["end_time"] is not None and call.e > since):
            found.append(call)
    return found


def served_by(row: Row, owners: Sequence[Replica]) -> Replica | None:
    """The one replica of that name the telemetry knows (of the pool, when the log names one), else the pool."""
    if row["purpose"] == "gateway_cache_hit":
        return None
    host = (row["endpoint"] or "").split("://")[-1].split("/")[0].split(":")[0].split(".")[0]
    for name in filter(None, (row["replica"], host)):
        alike = {o for o in owners if name in (o[1], o[1].split("/")[-1]) and row["pool"] in (None, o[0])}
        if len(alike) == 1:
            return alike.pop()
    return (row["pool"], "") if row["pool"] else None


def superseded(call: Call, rows: Iterable[Row], since: int) -> bool:
    """Does a later call that answered name this one, or have a higher number in the same logical request?

    Calls of more than six hours before the day are not looked at: none of those it sees could have been tried then.
    """
    for other in rows:
        if other["status"] != "ok" or micros(other["event_time"]) < since - LONGEST_US:
            continue
        named = other["retry_of"] is not None and other["retry_of"] in (call.row["request_id"], call.row["response_id"])
        itself = call.row["retry_of"] is not None and call.row["retry_of"] == other["retry_of"]
        if named and (micros(other["event_time"]) > call.t or (micros(other["event_time"]) == call.t and not itself)):
            return True
        same = call.row["logical_request_id"] is not None and call.row["logical_request_id"] == other["logical_request_id"]
        if same and (other["attempt_number"] or 1) > (call.row["attempt_number"] or 1):
            return True
    return False


# --- a replica over its requests -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Weights:
    """What a token weighs, or (phase time) a microsecond of prefill and of decode."""

    prefill: int = 1000
    decode: int = 2000
    method: str = "declared"


PHASE_TIME = Weights(1, 1, "phase_time")


def methods(found: Iterable[Call], declared: Weights) -> dict[Replica, Weights]:
    """Phase time where every request of the replica reports its own, else the declared weights."""
    by_replica: dict[Replica, list[Call]] = defaultdict(list)
    for call in found:
        if call.replica:
            by_replica[call.replica].append(call)
    return {
        replica: PHASE_TIME if all(c.row["prefill_us"] is not None and c.row["decode_us"] is not None for c in of_it) else declared
        for replica, of_it in by_replica.items()
    }


@dataclass(frozen=True)
class Piece:
    """What a call weighs in one slot (number since 1970); ``first``: the slot it started in."""

    call: Call
    slot: int
    prefill: int
    decode: int
    first: bool

    @property
    def weight(self) -> tuple[int, int]:
        return self.prefill + self.decode, self.call.id


def pieces(call: Call, weights: Weights, slot_us: int) -> list[Piece]:
    """Prefill in the first slot; decode, and one for being there, by overlap."""
    prefill, decode = call.computed * weights.prefill, call.output * weights.decode
    if weights is PHASE_TIME:
        prefill, decode = call.row["prefill_us"], call.row["decode_us"]
    slots = range(call.t // slot_us, (call.e - 1) // slot_us + 1)
    if len(slots) == 1:
        return [Piece(call, slots[0], prefill, decode if prefill + decode else 1, True)]
    edges = [call.t, *(slot * slot_us for slot in slots[1:]), call.e]
    cut = [(decode + 1) * (edge - call.t) // (call.e - call.t) for edge in edges]
    return [Piece(call, s, prefill if n == 0 else 0, cut[n + 1] - cut[n], n == 0) for n, s in enumerate(slots)]


@dataclass(frozen=True)
class Charge:
    """Active cost of a replica in a slot. With ``whole`` the engine says which part of its time was prefill."""

    replica: Replica
    slot: int
    line: str
    pico: int
    prefill_share: int = 0
    whole: int = 0


def shares(of_slot: Sequence[Piece], charge: Charge) -> dict[int, tuple[int, int]]:
    """Attempt to (what follows the attempt, what is divided over its output); together the charge, exactly."""
    w_prefill, w_decode = sum(p.prefill for p in of_slot), sum(p.decode for p in of_slot)
    if not w_prefill or not w_decode:
        prefill_pico = charge.pico if w_prefill else 0
    elif charge.whole:
        prefill_pico = quotient(charge.pico * charge.prefill_share, charge.whole)
    else:
        prefill_pico = quotient(charge.pico * w_prefill, w_prefill + w_decode)
    given = {
        p.call.id: (
            quotient(prefill_pico * p.prefill, w_prefill) if w_prefill else 0,
            quotient((charge.pico - prefill_pico) * p.decode, w_decode) if w_decode else 0,
        )
        for p in of_slot
    }
    heir = max(of_slot, key=lambda p: p.weight).call.id
    rest = charge.pico - sum(map(sum, given.values()))
    given[heir] = (given[heir][0] + rest, given[heir][1])
    return given


def in_slots(found: Iterable[Call], declared: Weights, slot_us: int) -> dict[tuple[Replica, int], list[Piece]]:
    """The pieces of every slot of every replica."""
    found = list(found)
    weights = methods(found, declared)
    slots: dict[tuple[Replica, int], list[Piece]] = defaultdict(list)
    for call in found:
        if call.replica:
            for piece in pieces(call, weights[call.replica], slot_us):
                slots[call.replica, piece.slot].append(piece)
    return slots


SPREAD = {
    "token share": lambda c: c.computed + c.output,
    "declared 1:2": lambda c: c.computed + 2 * c.output,
    "time share": lambda c: c.e - c.t,
    "KV memory time": lambda c: min(c.input + c.output, 400_000_000) * (c.e - c.t) // 1000,
}


def spreads(slots: Mapping[tuple[Replica, int], Sequence[Piece]], charges: Iterable[Charge]) -> Counter[tuple[str, ...]]:
    """What every other rule would have charged to (rule, model, team, app, customer); zeros left out."""
    money: Counter[tuple[Replica, int]] = Counter()
    for charge in charges:
        money[charge.replica, charge.slot] += charge.pico
    spread: Counter[tuple[str, ...]] = Counter()
    for (place, pico), (rule, weigh) in ((m, r) for m in money.items() for r in SPREAD.items()):
        weights: Counter[tuple[str, ...]] = Counter()
        for piece in slots[place]:
            weights[piece.call.words(WHO)] += weigh(piece.call)
        for who, weight in weights.items():
            spread[rule, *who] += quotient(pico * weight, sum(weights.values()) or 1)
    return Counter({key: pico for key, pico in spread.items() if pico})
