"""The exact plan over hourly history with several offers, terms, limits and steps: a linear program, solved by HiGHS.

    minimise   sum_j rate_j step_j hours_j y_j + sum_r w_r (p x_r - sum_o s_o z_ro)
    so that    sum_j step_j y_j (running in r) + x_r - sum_o z_ro >= d_r       for every group of hours r
               z_ro <= sum_j step_j y_j of offer o (running in r)              where something can be resold

y_j: purchases of an offer at one start, x: rented, z: resold. Hours between two starts or ends with the same demand are one
row of weight w. Columns are intervals of hours, so that with whole demands the corner found is whole; where it is not (fractions
of a GPU, steps of several), the purchases are declared whole and the solver branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import highspy
import numpy as np
import numpy.typing as npt

from netyield.core.errors import NetyieldError
from netyield.economics.commitments.offers import Offer, OfferBook
from netyield.economics.commitments.plan_cost import MICRO, Micros, beyond

WHOLE = 1e-6  # how far from a whole number a solver's answer may lie and still be it


class Unsolved(NetyieldError):
    """The solver found no optimum."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """So many units of an offer, bought at hour ``start`` of the history."""

    offer: str
    start: int
    units: int


@dataclass(frozen=True)
class _Column:
    offer: Offer
    first: int
    last: int  # positions of known hours, half-open


def whole_plan(demand: Micros, book: OfferBook) -> dict[str, int]:
    """The cheapest units of each offer held through all the hours."""
    columns = [_Column(offer, 0, len(demand)) for offer in book.offers]
    units = _solve(demand, columns, book)
    return {offer.name: count for offer, count in zip(book.offers, units, strict=True)}


def free_plan(demand: Micros, book: OfferBook, every_hours: int) -> tuple[list[Purchase], Decimal]:
    """The optimum of one who knew all the hours: each offer may start every so many hours and runs for its term.

    Costs are per hour of the history: of a term that goes on after it, only the hours in it are paid here. Without
    missing hours, as positions are hours. Returns the purchases and their exact cost.
    """
    hours, columns = len(demand), []
    for offer in book.offers:
        starts = range(0, hours, every_hours) if offer.term_hours < hours else (0,)
        columns += [_Column(offer, start, min(start + offer.term_hours, hours)) for start in starts]
        if offer.term_hours >= hours:
            columns += [_Column(offer, start, hours) for start in range(every_hours, hours, every_hours)]
    units = _solve(demand, columns, book)
    made = [Purchase(c.offer.name, c.first, count) for c, count in zip(columns, units, strict=True) if count]
    return made, _exact(demand, columns, units, book)


def _exact(demand: Micros, columns: Sequence[_Column], units: Sequence[int], book: OfferBook) -> Decimal:
    """The cost of the purchases, recomputed in whole numbers."""
    running = {offer.name: np.zeros(len(demand), np.int64) for offer in book.offers}
    cost = Decimal(0)
    for column, count in zip(columns, units, strict=True):
        running[column.offer.name][column.first : column.last] += count
        cost += column.offer.rate * count * (column.last - column.first)
    held = sum(running.values(), np.zeros(len(demand), np.int64))
    cost += book.on_demand * beyond(demand - held * MICRO, 0)
    top = held
    for offer in sorted(book.offers, key=lambda offer: -offer.resale_rate):
        under = top - running[offer.name]
        if offer.resale_rate:
            spare = beyond(top * MICRO - demand, 0) - beyond(under * MICRO - demand, 0)
            cost -= offer.resale_rate * spare
        top = under
    return cost


def _solve(demand: Micros, columns: Sequence[_Column], book: OfferBook) -> list[int]:
    """Units of every column."""
    if not len(demand) or not columns:
        return [0] * len(columns)
    program = _Program(demand, columns, book)
    steps = program.run(integer=False)
    if np.abs(steps - np.round(steps)).max() > WHOLE:
        steps = program.run(integer=True)
    return [round(float(step)) * column.offer.step for step, column in zip(steps, columns, strict=True)]


class _Program:
    """The program of one history as the solver takes it."""

    def __init__(self, demand: Micros, columns: Sequence[_Column], book: OfferBook) -> None:
        self.columns = columns
        groups = _groups(demand, columns)
        resellers = [offer for offer in book.offers if offer.resale_rate > 0]
        n, m, k = len(columns), len(groups), len(resellers)
        peak = float(max(1, demand.max() / MICRO))
        self.cost = np.concatenate([
            np.array([float(c.offer.rate) * c.offer.step * (c.last - c.first) for c in columns]),
            np.array([weight * float(book.on_demand) for _, _, weight in groups]),
            np.array([-weight * float(offer.resale_rate) for _, _, weight in groups for offer in resellers]),
        ])  # fmt: skip
        self.upper = np.full(n + m + m * k, highspy.kHighsInf)
        for j, column in enumerate(columns):
            if column.offer.at_most is not None:
                self.upper[j] = column.offer.at_most // column.offer.step
            else:
                self.upper[j] = np.ceil(peak / column.offer.step)
        self.rows: list[tuple[list[int], list[float], float]] = []
        for r, (position, value, _) in enumerate(groups):
            live = [j for j, c in enumerate(columns) if c.first <= position < c.last]
            index, factor = [*live, n + r], [*(float(columns[j].offer.step) for j in live), 1.0]
            for o, offer in enumerate(resellers):
                spare = n + m + r * k + o
                index.append(spare)
                factor.append(-1.0)
                own = [j for j in live if columns[j].offer is offer]
                self.rows.append(([*own, spare], [*(float(columns[j].offer.step) for j in own), -1.0], 0.0))
            self.rows.append((index, factor, value / MICRO))
        self._limits(n)

    def _limits(self, n: int) -> None:
        """What of an offer can be had at one time, over overlapping purchases."""
        for offer in {c.offer.name: c.offer for c in self.columns if c.offer.at_most is not None}.values():
            mine = [j for j in range(n) if self.columns[j].offer is offer]
            for edge in sorted({self.columns[j].first for j in mine}):
                live = [j for j in mine if self.columns[j].first <= edge < self.columns[j].last]
                if len(live) > 1:
                    self.rows.append((live, [-1.0] * len(live), -float((offer.at_most or 0) // offer.step)))

    def run(self, *, integer: bool) -> npt.NDArray[np.float64]:
        """Steps of every column at the optimum. Raises Unsolved."""
        lengths = [len(index) for index, _, _ in self.rows]
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(self.cost), len(self.rows)
        program.col_cost_, program.col_lower_, program.col_upper_ = self.cost, np.zeros(len(self.cost)), self.upper
        program.row_lower_ = np.array([bound for _, _, bound in self.rows])
        program.row_upper_ = np.full(len(self.rows), highspy.kHighsInf)
        program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        program.a_matrix_.start_ = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        program.a_matrix_.index_ = np.array([i for index, _, _ in self.rows for i in index], dtype=np.int32)
        program.a_matrix_.value_ = np.array([v for _, factor, _ in self.rows for v in factor], dtype=np.float64)
        if integer:
            kinds = [highspy.HighsVarType.kInteger] * len(self.columns)
            program.integrality_ = kinds + [highspy.HighsVarType.kContinuous] * (len(self.cost) - len(self.columns))
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (("output_flag", False), ("threads", 1), ("mip_rel_gap", 0.0), ("random_seed", 0)):
            solver.setOptionValue(option, value)
        solver.passModel(program)
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            message = f"the plan has no optimum: the solver says {solver.modelStatusToString(solver.getModelStatus())}."
            raise Unsolved(message, "Check the rates and limits of the offers.")
        return np.array(solver.getSolution().col_value[: len(self.columns)], dtype=np.float64)


def _groups(demand: Micros, columns: Sequence[_Column]) -> list[tuple[int, int, int]]:
    """(first position, demand, hours) of hours between the same starts and ends that have the same demand."""
    edges = sorted({0, len(demand), *(edge for c in columns for edge in (c.first, c.last))})
    groups = []
    for first, last in pairwise(edges):
        values, counts = np.unique(demand[first:last], return_counts=True)
        groups += [(first, int(value), int(count)) for value, count in zip(values, counts, strict=True)]
    return groups
