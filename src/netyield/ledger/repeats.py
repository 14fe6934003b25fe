"""Which rows of a delivery are already in the books, and which are other versions of booked events?

``event_key`` is a primary key per source, forever: the same key twice is the same event. Keys are compared by a 64-bit
hash first (one column is read); only rows whose hash is seen twice are looked at in full. An equal row is dropped, a
different one is merged (``ledger/merge.py``) and the segment that held the booked version is written anew without it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.contract import contract
from netyield.ledger.merge import Merged, compared, merge, superseded_before
from netyield.store.engine import Engine
from netyield.store.manifest import Segment
from netyield.store.writer import Writer

# A source may know an event by an id and change its time later: there a key is looked for in all days.
KEYED_BY_ID = {"attempts", "outcomes"}
# Hashes of booked keys kept in memory between the deliveries of a run (8 bytes each); beyond it they are read again.
INDEX_ROWS = 100_000_000
Positions = npt.NDArray[np.int64]


@dataclass(slots=True)
class Repeats:
    """What to change so that every event stands once: row positions to leave out per segment path, rows to add."""

    leave_out: dict[str, list[Positions]] = field(default_factory=dict)
    merged: Merged | None = None
    repeated: int = 0
    first_repeated: int | None = None
    first_version: int | None = None


def scan(paths: Sequence[str]) -> str:
    """The SQL of some segments with ``filename`` and ``file_row_number``."""
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    return (
        f"read_parquet([{listed}], filename = true, file_row_number = true, union_by_name = true,"
        " hive_partitioning = false)"
    )


def leave_out(writer: Writer, segments: Iterable[Segment], positions: Mapping[str, list[Positions]]) -> list[Segment]:
    """Write the touched ``segments`` anew without the given rows; those that the next commit must drop."""
    dropped = []
    for segment in segments:
        if segment.path in positions:
            if segment not in writer.pending:
                dropped.append(segment)
            writer.without(segment, np.concatenate(positions[segment.path]))
    return dropped


class BookedKeys:
    """The keys of one source that are booked, by table; made for one pass over the source."""

    def __init__(self, engine: Engine, writer: Writer, source: str) -> None:
        self.engine, self.writer, self.source = engine, writer, source
        self._staged: set[str] = set()
        self._indexed: dict[str, dict[str, int]] = {}  # table to the segments (path, rows) whose keys are in memory

    def begin(self) -> None:
        """A new delivery: nothing of it is staged."""
        for table in self._staged:
            self.engine.run(f"DROP TABLE {_staged(table)}")
        self._staged.clear()

    def note(self, table: str, rows: pa.Table) -> None:
        """Remember the keys of rows that are being staged."""
        self.engine.register("rows_to_note", rows.select(["event_key"]))
        select = "SELECT hash(event_key) AS h FROM rows_to_note"
        if table in self._staged:
            self.engine.run(f"INSERT INTO {_staged(table)} {select}")
        else:
            self.engine.keep(_staged(table), select)
            self._staged.add(table)

    def find(self, table: str, staged: Sequence[Segment], replaces: bool) -> Repeats:
        """What of the ``staged`` segments repeats itself or, unless the delivery ``replaces`` a period, the books."""
        found = Repeats()
        booked = [] if replaces else [s for s in self.writer.manifest.of(table) if s.source == self.source]
        days = {segment.day for segment in staged}
        near = [segment for segment in booked if segment.day in days]
        far = [segment for segment in booked if segment.day not in days] if table in KEYED_BY_ID else []
        before = "" if replaces else self._booked_hashes(table, near + far)
        union = f"UNION SELECT h, TRUE FROM {before} SEMI JOIN {_staged(table)} USING (h)" if before else ""
        self.engine.keep(
            "suspects", f"SELECT h, FALSE AS booked FROM {_staged(table)} GROUP BY h HAVING count(*) > 1 {union}"
        )
        if not self.engine.scalar("SELECT count(*) FROM suspects"):
            return found
        if table == "outcomes":  # one event may stand on several days: once per attempt of a run
            near, far = near + far, []
        files = [*staged, *near, *far]
        number_files(self.engine, self.writer.paths(files))
        self._candidates(table, staged, near, far)
        self._drop_equal(found, files)
        self._merge_different(table, found, files)
        return found

    def learn(self, booked: Sequence[Segment]) -> None:
        """What was staged is booked now, as (or among) these segments."""
        for table in self._staged & self._indexed.keys():
            self.engine.run(f"INSERT INTO {_index(table)} SELECT h FROM {_staged(table)}")
            self._indexed[table] |= {segment.path: segment.rows for segment in booked if segment.table == table}

    def forget(self) -> None:
        """Give the memory back at the end of the pass."""
        self.begin()
        for table in self._indexed:
            self.engine.run(f"DROP TABLE {_index(table)}")
        self._indexed.clear()

    def _booked_hashes(self, table: str, segments: Sequence[Segment]) -> str:
        """A relation h with (at least) the keys of these booked segments; kept in memory while they are few enough."""
        held = self._indexed.get(table, {})
        missing = [segment for segment in segments if segment.path not in held]
        if sum(held.values()) + sum(segment.rows for segment in missing) > INDEX_ROWS:
            held, missing = {}, list(segments)
            if sum(segment.rows for segment in missing) > INDEX_ROWS:
                return f"(SELECT hash(event_key) AS h FROM {scan(self.writer.paths(segments))})"
        if not held:
            self.engine.keep(_index(table), "SELECT hash('') AS h WHERE FALSE")
        if missing:
            paths = self.writer.paths(missing)
            self.engine.run(f"INSERT INTO {_index(table)} SELECT hash(event_key) FROM {scan(paths)}")
        self._indexed[table] = held | {segment.path: segment.rows for segment in missing}
        return _index(table)

    def _candidates(self, table: str, staged: Sequence[Segment], near: list[Segment], far: list[Segment]) -> None:
        """Make ``candidates`` (where the suspect rows are and what tells their content apart), ``repeated_keys``.

        Numbers only, since a log that is delivered again has a candidate per row: a key is two hashes (h, g).
        """
        engine = self.engine
        columns = ", ".join(f'"{name}"' for name in compared(table))
        version = "version" if table == "attempts" else "1 AS version"

        def rows(segments: Sequence[Segment], staged: bool) -> str:
            return (
                f"SELECT {staged} AS staged, file, CAST(file_row_number AS INT) AS position, hash(event_key) AS h,"
                f" hash('g' || event_key) AS g, row_number, {version}, hash({columns}) AS content"
                f" FROM {scan(self.writer.paths(segments))} JOIN files USING (filename)"
                " WHERE hash(event_key) IN (SELECT h FROM suspects)"
            )

        engine.keep("candidates", rows(staged, True))
        if near:
            engine.run(f"INSERT INTO candidates {rows(near, False)}")
        if far and engine.scalar(
            "SELECT count(*) FROM suspects WHERE booked AND h NOT IN (SELECT h FROM candidates WHERE NOT staged)"
        ):
            engine.run(f"INSERT INTO candidates {rows(far, False)}")
        engine.keep(
            "repeated_keys",
            """
            SELECT h, g, min(staged) AS within,
                   min(content) <> max(content) OR max(CASE WHEN staged THEN 1 ELSE version END) > 1 AS differs
            FROM candidates GROUP BY h, g HAVING count(*) > 1 AND max(staged)
            """,
        )

    def _drop_equal(self, found: Repeats, files: Sequence[Segment]) -> None:
        """Leave out staged rows equal to a booked one and, among equal staged rows, all but the first."""
        rows = self.engine.query(
            """
            SELECT file, position, row_number FROM (
                SELECT file, position, row_number FROM candidates
                SEMI JOIN (SELECT h, g FROM repeated_keys WHERE NOT differs AND NOT within) USING (h, g) WHERE staged
                UNION ALL
                SELECT file, position, row_number FROM candidates
                SEMI JOIN (SELECT h, g FROM repeated_keys WHERE NOT differs AND within) USING (h, g)
                QUALIFY row_number() OVER (PARTITION BY h, g ORDER BY row_number, file, position) > 1)
            ORDER BY file
            """
        )
        positions_by_path(rows, files, found.leave_out)
        found.repeated = rows.num_rows
        found.first_repeated = pc.min(rows["row_number"]).as_py()

    def _merge_different(self, table: str, found: Repeats, files: Sequence[Segment]) -> None:
        engine = self.engine
        engine.keep(
            "different",
            "SELECT * FROM candidates SEMI JOIN (SELECT h, g FROM repeated_keys WHERE differs) USING (h, g)",
        )
        touched = [files[number] for number in engine.query("SELECT DISTINCT file FROM different")["file"].to_pylist()]
        if not touched:
            return
        engine.keep(
            "versions",
            f"""
            SELECT d.staged, s.* EXCLUDE (filename, file_row_number) FROM {scan(self.writer.paths(touched))} s
            JOIN files USING (filename) JOIN different d ON d.file = files.file AND d.position = s.file_row_number
            """,
        )
        kept = [segment for segment in self.writer.manifest.of("quarantine") if segment.source == self.source]
        engine.register("no_quarantine", contract("quarantine").schema.empty_table())
        superseded_before(engine, scan(self.writer.paths(kept)) if kept else "no_quarantine", table)
        found.merged = merge(engine, table)
        engine.register("standing", found.merged.standing.select(["event_key"]))
        rows = engine.query(
            """
            SELECT file, position, row_number, staged FROM different
            WHERE staged OR h IN (SELECT hash(event_key) FROM standing) ORDER BY file
            """
        )
        positions_by_path(rows, files, found.leave_out)
        found.first_version = pc.min(rows.filter(rows["staged"])["row_number"]).as_py()
        seen_again = int(engine.scalar("SELECT count(*) FROM different WHERE staged"))
        found.repeated += max(0, seen_again - found.merged.superseded.num_rows - found.merged.standing.num_rows)


def _index(table: str) -> str:
    return f"booked_keys_of_{table}"


def _staged(table: str) -> str:
    return f"staged_keys_of_{table}"


def number_files(engine: Engine, paths: Sequence[str]) -> None:
    """Make ``files`` (filename, file): a number for each path, small enough to keep for every row."""
    engine.register("files", pa.table({"filename": paths, "file": pa.array(range(len(paths)), pa.int32())}))


def positions_by_path(rows: pa.Table, files: Sequence[Segment], into: dict[str, list[Positions]]) -> None:
    """Add row positions (``rows`` has file and position, in order of file) to ``into``, by segment path."""
    numbers, positions = rows["file"].to_numpy(), rows["position"].to_numpy()
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    for start, end in itertools.pairwise(edges):
        if end > start:
            into.setdefault(files[int(numbers[start])].path, []).append(positions[start:end])
