"""The project: a folder with netyield.toml and its books. Everything a face can ask for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netyield.answers import allocation, explain, fleet, mapping, reconciliation, unit_cost, usefulness, waterfall
from netyield.answers.answer import Answer
from netyield.answers.books import Books, Query
from netyield.config import FILE_NAME, Config, load
from netyield.core.errors import ConfigError, StoreError, WrongUse
from netyield.core.finding import Finding, Severity, aggregate
from netyield.core.period import Period, iso, parse_time
from netyield.ledger.charges import BASES
from netyield.ledger.close import close_month
from netyield.ledger.ingest import Ingested, ingest
from netyield.project import books as book_room
from netyield.project.adjustments import adjust_closed
from netyield.project.findings import from_record
from netyield.project.pool_proposals import PoolProposal, propose
from netyield.project.window import covered, default
from netyield.sources import registry
from netyield.sources.contract import Probe, Source
from netyield.store.collection import Collectable, collectable
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest

if TYPE_CHECKING:
    from netyield.sources.traces.trace import Trace

ANSWERS = {
    "waterfall": waterfall.answer,
    "unit_cost": unit_cost.answer,
    "fleet": fleet.answer,
    "allocation": allocation.answer,
    "usefulness": usefulness.answer,
    "reconciliation": reconciliation.answer,
    "mapping": mapping.answer,
}
COVERAGE = "coverage"  # reads the contracts beside the books
DEPRECIATION = "depreciation"  # reads the asset registers beside the books
Progress = Callable[[str, int], None]


class Project:
    """An opened project folder. Cheap to make; answers keep their books until the next ingest."""

    def __init__(self, root: Path, config: Config) -> None:
        self.root = root
        self.config = config
        self._folder: Folder | None = None
        self._books: dict[tuple[Any, ...], Books] = {}

    @classmethod
    def open(cls, path: Path) -> Project:
        """Open the folder of a netyield.toml (or the file itself). Raises ConfigError with the repair."""
        file = path if path.is_file() else path / FILE_NAME
        if not file.is_file():
            message = f"there is no {FILE_NAME} in {path}."
            raise ConfigError(message, "Run `netyield init` there, or name the folder with --project.")
        return cls(file.parent.resolve(), load(file))

    @property
    def folder(self) -> Folder:
        """The books' folder, made when it does not exist yet."""
        if self._folder is None:
            try:
                self._folder = Folder.open(self.root)
            except StoreError:
                self._folder = Folder.create(self.root)
        return self._folder

    def sources(self) -> dict[str, Source]:
        """The configured sources by name; unnamed ones are called by type and place in the file."""
        found: dict[str, Source] = {}
        for number, options in enumerate(self.config.source, start=1):
            zone = (
                {}
                if "timezone" in options or self.config.project.timezone == "UTC"
                else {"timezone": self.config.project.timezone}
            )
            name = str(options.get("name") or f"{options.get('type')}-{number}")
            if name in found:
                message = f"two sources are called {name!r}."
                raise ConfigError(message, "Give each [[source]] its own name.")
            found[name] = registry.build({**zone, **options, "name": name}, self.root)
        return found

    def ingest(self, progress: Progress | None = None, dry_run: bool = False, now: datetime | None = None) -> Ingested:
        """Book what the sources deliver, then post what it changes in closed months."""
        if dry_run:
            findings = [f for probe in self.probe().values() for f in probe.findings]
            return Ingested(findings=aggregate(findings), booked=[], skipped=0)
        self._books.clear()
        moment = now or datetime.now(UTC)
        settings = self.config.project
        done = ingest(
            self.folder,
            self.sources(),
            tenant=settings.tenant,
            now=moment,
            progress=progress,
            keep_raw_max_bytes=settings.keep_raw_max_bytes,
            history=timedelta(days=settings.history_days),
        )
        adjust_closed(self.folder, self.config, moment)
        return done

    def probe(self) -> dict[str, Probe]:
        """What each configured source would find."""
        return {name: source.probe() for name, source in self.sources().items()}

    def manifest(self, as_of: str | None = None) -> Manifest:
        """The books as they are, or as they were at a moment."""
        if as_of is None:
            return self.folder.manifest()
        try:
            return self.folder.manifest(parse_time(as_of))
        except ValueError:
            message = f"--as-of {as_of!r} is not a date or time."
            raise WrongUse(message, "Write it as 2026-11-01 or 2026-11-01T12:00:00Z.") from None

    def history(self, now: datetime | None = None) -> Collectable:
        """How far back the books go, and what of them has outlived ``project.history_days``."""
        return collectable(self.folder, now or datetime.now(UTC), timedelta(days=self.config.project.history_days))

    def pool_proposals(self) -> list[PoolProposal]:
        """[[pool]] rules that would join bill, telemetry and gateway by the names they share; none where there are rules."""
        return propose(self.folder, self.manifest(), self.config)

    def default_window(self) -> tuple[Period | None, list[Finding]]:
        """Where all kinds of sources overlap."""
        return default(covered(self.folder, self.manifest()))

    def window(self, query: Query, manifest: Manifest) -> tuple[Period, list[Finding]]:
        """The window a query asks for; what it leaves open is the default."""
        zone = self.config.project.timezone
        found, findings = (None, []) if query.since and query.until else default(covered(self.folder, manifest))
        try:
            since = parse_time(query.since, zone) if query.since else found.since if found else None
            until = parse_time(query.until, zone) if query.until else found.until if found else None
        except ValueError as error:
            message = f"--since/--until: {error}."
            raise WrongUse(message, "Write times as 2026-11-01 or 2026-11-01T12:00:00Z.") from None
        if since is None or until is None:
            if query.as_of:
                message = f"there was nothing in the books at {query.as_of}."
                raise WrongUse(message, "Ask for a later --as-of; `netyield doctor` tells how far back the books go.")
            message = "there is nothing in the books yet."
            raise WrongUse(message, "Run `netyield ingest`, and `netyield check` for what it found.")
        if since >= until:
            message = f"the window {iso(since)} to {iso(until)} is empty."
            raise WrongUse(message, "--until is exclusive and must be after --since.")
        return Period(
            since.replace(microsecond=0), until.replace(microsecond=0)
        ), [] if query.since or query.until else findings

    def books(self, query: Query, progress: Progress | None = None) -> Books:
        """The leaves of the query's window, computed day by day where they are not kept yet."""
        if query.basis not in BASES:
            message = f"there is no basis {query.basis!r}."
            raise WrongUse(message, f"Known: {', '.join(BASES)}.")
        manifest = self.manifest(query.as_of)
        window, findings = self.window(query, manifest)
        key = (manifest.number, window, query.basis, query.currency, tuple(sorted(query.where.items())))
        if key not in self._books:
            self._books[key] = book_room.open_books(
                self.folder, manifest, self.config, window, query, findings, progress
            )
        held = self._books[key]
        return Books(**{**held.__dict__, "query": query})

    def answer(self, name: str, query: Query, progress: Progress | None = None) -> Answer:
        """One answer. Raises WrongUse for a name or filter word that does not exist."""
        if name == COVERAGE:
            from netyield.project.coverage import coverage_answer  # brings numpy: only for those who ask

            return coverage_answer(self, query)
        if name == DEPRECIATION:
            from netyield.project.owned_assets import depreciation_answer

            return depreciation_answer(self, query)
        if name not in ANSWERS:
            message = f"there is no answer {name!r}."
            raise WrongUse(message, f"Known: {', '.join((*ANSWERS, COVERAGE, DEPRECIATION))}.")
        return ANSWERS[name](self.books(query, progress))

    def prefix_trace(self, query: Query) -> Trace:
        """The trace of the query's window from the prefix fingerprints of the ledger; all of it when no window is given."""
        manifest = self.manifest(query.as_of)
        window = self.window(query, manifest)[0] if query.since or query.until else None
        from netyield.project.prefix_trace import prefix_trace  # compiles loops: only for those who ask

        return prefix_trace(self.folder, manifest, window, query.where)

    def explain(self, figure: str, query: Query, progress: Progress | None = None) -> Answer:
        """Where a figure comes from: formula, evidence, and the source files and rows behind it."""
        books = self.books(query, progress)
        return explain.answer(
            figure, books, book_room.raw_engine(self.folder, self.manifest(query.as_of), self.config, books)
        )

    def check(self) -> list[Finding]:
        """All findings: of every delivery booked, of the sources as they are now, and of a report of the default window."""
        manifest = self.manifest()
        found = [from_record(entry) for record in manifest.deliveries.values() for entry in record.findings]
        found += [f for probe in self.probe().values() for f in probe.findings]
        try:
            found += self.answer("waterfall", Query()).findings
        except WrongUse as nothing:
            found.append(Finding("books.empty", Severity.WARNING, nothing.message, nothing.repair))
        return aggregate(dict.fromkeys(found))

    def close_month(self, month: str, now: datetime | None = None) -> Manifest:
        """Close a month: its figures never change again; later differences are posted as dated adjustments."""
        self._books.clear()
        return close_month(self.folder, month, now or datetime.now(UTC))


__all__ = ["ANSWERS", "Project"]
