"""Request logs: true totals, one bad row among many, keys that survive repetition, nothing kept that was not mapped."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.core.errors import ConfigError
from netyield.core.finding import Finding
from netyield.sources.registry import build
from netyield.sources.traffic.requests import Requests
from netyield.testing.conformance import check_bad_bytes, check_source

DATA = Path(__file__).parents[2] / "data" / "traffic"
AZURE = {"time": "TIMESTAMP", "input_tokens": "ContextTokens", "output_tokens": "GeneratedTokens"}
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def make(root: Path, path: str, **options: Any) -> Requests:
    source = Requests(Requests.Settings(type="requests", path=path, **options), root)
    source.clock = lambda: NOW
    return source


class Read:
    """Everything a source delivers after a cursor."""

    def __init__(self, source: Requests, cursor: Mapping[str, Any] | None = None) -> None:
        tables: list[pa.Table] = []
        self.rejected: list[dict[str, Any]] = []
        self.findings: list[Finding] = []
        self.cursor: Mapping[str, Any] = cursor or {}
        for delivery in source.deliveries(self.cursor):
            for chunk in delivery.chunks():
                tables += chunk.tables.values()
                self.rejected += [] if chunk.rejected is None else chunk.rejected.to_pylist()
                self.findings += chunk.findings
            self.cursor = json.loads(json.dumps(delivery.next_cursor()))
        self.table = pa.concat_tables(tables) if tables else None

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [] if self.table is None else self.table.to_pylist()

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]

    @property
    def codes(self) -> set[str]:
        return {finding.code for finding in self.findings}


def write(folder: Path, name: str, lines: Iterable[str]) -> str:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


@pytest.mark.parametrize(
    ("trace", "rows", "context", "generated"),
    [("code", 8_819, 18_059_974, 245_896), ("conv", 19_366, 22_361_870, 4_088_665)],
)
def test_azure_totals_are_the_published_ones(trace: str, rows: int, context: int, generated: int) -> None:
    with resources.as_file(resources.files("netyield.testing") / "data") as folder:
        read = Read(make(Path(folder), f"azure_llm_inference_2023_{trace}.csv.gz", columns=AZURE))
        assert read.table is not None
        assert read.table.num_rows == rows
        assert pc.sum(read.table["in_uncached"]).as_py() == context
        assert pc.sum(read.table["out_text"]).as_py() == generated
        assert pc.count_distinct(read.table["event_key"]).as_py() == rows
        assert set(read.column("status")) == {"unknown"}  # the trace does not say how a call ended
        assert read.findings == []


@pytest.mark.parametrize("trace", ["code", "conv"])
def test_azure_rows_agree_with_a_plain_reading(trace: str) -> None:
    """Seven decimals are cut to microseconds, not rounded; row 2 is the first below the header."""
    path = DATA / f"azure_2023_{trace}_head.csv"
    read = Read(make(DATA, path.name, columns=AZURE, set={"model": "llama-70b"}))
    with path.open(newline="") as stream:
        plain = list(csv.DictReader(stream))
    assert len(plain) == 200
    assert [row["row_number"] for row in read.rows] == list(range(2, 202))
    for row, raw in zip(read.rows, plain, strict=True):
        seconds, fraction = raw["TIMESTAMP"].split(".")
        expected = datetime.fromisoformat(seconds).replace(tzinfo=UTC, microsecond=int(fraction[:6]))
        assert row["event_time"] == expected
        assert (row["in_uncached"], row["out_text"]) == (int(raw["ContextTokens"]), int(raw["GeneratedTokens"]))
        assert row["model"] == "llama-70b"
        assert row["in_cache_read"] is None  # unknown, not zero


def test_usual_column_names_need_no_mapping() -> None:
    read = Read(make(DATA, "azure_2023_*_head.csv"))
    assert read.table is not None
    assert read.table.num_rows == 400
    assert pc.sum(read.table["in_uncached"]).as_py() > 0


LOG = [
    "ts,model,in,out,cached,reasoning,status,finish,id,prompt",
    "2026-11-01T10:00:00Z,gpt-5,100,50,40,20,success,stop,a1,CANARY-PROMPT one",
    '2026-11-01T10:00:01Z,gpt-5,80,10,,,failed,,a2,"CANARY-PROMPT',
    'over two lines"',
    "2026-11-01T10:00:02Z,gpt-5,80,10,0,0,499,max_tokens,a3,x",
]
COLUMNS = {
    "time": "ts", "model": "model", "input_tokens": "in", "output_tokens": "out", "cached_tokens": "cached",
    "reasoning_tokens": "reasoning", "status": "status", "finish_reason": "finish", "request_id": "id",
}


def test_words_classes_and_line_numbers(tmp_path: Path) -> None:
    read = Read(make(tmp_path, write(tmp_path, "log.csv", LOG), columns=COLUMNS))
    assert read.column("row_number") == [2, 3, 5]
    assert read.column("status") == ["ok", "error", "aborted"]
    assert read.column("finish_reason") == ["stop", None, "length"]
    assert read.column("in_uncached") == [60, 80, 80]
    assert read.column("in_cache_read") == [40, None, 0]
    assert read.column("out_text") == [30, 10, 10]
    assert read.column("request_id") == ["a1", "a2", "a3"]
    assert "CANARY" not in str(read.rows)
    assert read.codes == {"requests.unmapped_columns"}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ("inclusive", {"in_uncached": 60, "out_text": 30}),
        ("exclusive", {"in_uncached": 100, "out_text": 50}),
        ("exclusive_input", {"in_uncached": 100, "out_text": 30}),
    ],
)
def test_counts_inside_or_beside(tmp_path: Path, counts: str, expected: dict[str, int]) -> None:
    read = Read(make(tmp_path, write(tmp_path, "log.csv", LOG[:2]), columns=COLUMNS, counts=counts))
    assert {name: read.rows[0][name] for name in expected} == expected
    assert read.rows[0]["in_cache_read"] == 40
    assert read.rows[0]["out_reasoning"] == 20


def test_jsonl_with_dots_parquet_with_structs_and_gzip_say_the_same(tmp_path: Path) -> None:
    records = [
        {
            "at": f"2026-11-01T10:00:0{n}.5Z", "usage": {"prompt": 100 + n, "details": {"cached": n}, "answer": 7},
            "who": {"team": "search"}, "prompt_text": "CANARY-PROMPT",
        }
        for n in range(5)
    ]
    lines = "\n".join(json.dumps(record) for record in records)
    (tmp_path / "log.jsonl").write_text(lines)
    (tmp_path / "log.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "log.parquet")
    columns = {
        "time": "at", "input_tokens": "usage.prompt", "cached_tokens": "usage.details.cached",
        "output_tokens": "usage.answer", "team": "who.team",
    }
    reads = [Read(make(tmp_path, name, columns=columns)) for name in ("log.jsonl", "log.jsonl.gz", "log.parquet")]
    for read in reads:
        assert read.column("in_uncached") == [100] * 5
        assert read.column("in_cache_read") == list(range(5))
        assert read.column("team") == ["search"] * 5
        assert "CANARY" not in str(read.rows)
    assert reads[0].column("event_key") == reads[1].column("event_key")
    assert reads[0].column("event_time") == reads[2].column("event_time")
    assert [read.column("row_number") for read in reads] == [[1, 2, 3, 4, 5]] * 3


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        ("s", "1793527200", "2026-11-01T10:00:00+00:00"),
        ("s", "1793527200.1234567", "2026-11-01T10:00:00.123456+00:00"),
        ("ms", "1793527200123", "2026-11-01T10:00:00.123000+00:00"),
        ("us", "1793527200123456", "2026-11-01T10:00:00.123456+00:00"),
        ("ns", "1793527200123456789", "2026-11-01T10:00:00.123456+00:00"),
        ("iso", "2026-11-01 11:00:00+01:00", "2026-11-01T10:00:00+00:00"),
        ("iso", "2026/11/01 10:00:00 UTC", "2026-11-01T10:00:00+00:00"),
    ],
)
def test_times_of_every_unit(tmp_path: Path, unit: str, text: str, expected: str) -> None:
    name = write(tmp_path, "log.csv", ["time,input_tokens", f"{text},5"])
    read = Read(make(tmp_path, name, time_unit=unit))
    assert read.column("event_time") == [datetime.fromisoformat(expected)]


def test_naive_times_are_in_the_declared_zone_and_doubtful_ones_are_named(tmp_path: Path) -> None:
    lines = ["time,input_tokens", "2026-06-01 12:00:00,1", "2025-10-26 02:30:00,2", "2026-03-29 02:30:00,3"]
    read = Read(make(tmp_path, write(tmp_path, "log.csv", lines), timezone="Europe/Berlin"))
    assert [time.hour for time in read.column("event_time")] == [10, 0, 1]  # first pass; moved on to 03:00 local
    assert [(f.code, f.row, f.count) for f in read.findings] == [("requests.doubtful_time", 3, 2)]


def test_one_bad_row_of_each_kind_and_all_good_rows_kept(tmp_path: Path) -> None:
    good = [f"2026-11-01T10:00:{n % 60:02d}Z,{n},5,0" for n in range(1_000)]
    bad = {
        300: ("not a time,5,5,0", "requests.bad_time"),
        301: ("1970-01-01T00:00:00Z,5,5,0", "requests.bad_time"),
        302: (",5,5,0", "requests.no_time"),
        303: ("2027-11-01T10:00:00Z,5,5,0", "requests.future_time"),
        304: ("2026-11-01T10:00:00Z,-5,5,0", "requests.bad_tokens"),
        305: ("2026-11-01T10:00:00Z,5,5.5,0", "requests.bad_tokens"),
        306: ("2026-11-01T10:00:00Z,99999999999999,5,0", "requests.bad_tokens"),
        307: ("2026-11-01T10:00:00Z,5,5,6", "requests.bad_tokens"),
        308: ("2026-11-01T10:00:00Z,5", "requests.ragged_row"),
    }
    for at in sorted(bad):
        good.insert(at, bad[at][0])
    lines = ["time,input_tokens,output_tokens,cached_tokens", *good]
    read = Read(make(tmp_path, write(tmp_path, "log.csv", lines)))
    assert len(read.rows) == 1_000
    assert {(row["row_number"], row["code"]) for row in read.rejected} == {
        (at + 2, code) for at, (_, code) in bad.items()
    }
    assert all(row["table"] == "attempts" for row in read.rejected)
    severities = {finding.code: str(finding.severity) for finding in read.findings}
    assert severities["requests.future_time"] == "warning"
    assert severities["requests.bad_tokens"] == "error"
    by_code = {finding.code: (finding.row, finding.count) for finding in read.findings}
    assert by_code["requests.bad_tokens"] == (306, 4)
    contradiction = next(row for row in read.rejected if row["row_number"] == 309)
    assert "in_uncached = input" in contradiction["message"]
    assert json.loads(contradiction["record"])["cached_tokens"] == "6"


def test_one_bad_row_in_a_hundred_thousand(tmp_path: Path) -> None:
    rows = [f"2026-11-01 {n // 3600 % 24:02d}:{n // 60 % 60:02d}:{n % 60:02d},{n % 999},7" for n in range(100_000)]
    rows[60_000] = "2026-13-45 00:00:00,1,1"
    read = Read(make(tmp_path, write(tmp_path, "big.csv", ["time,input_tokens,output_tokens", *rows])))
    assert read.table is not None
    assert read.table.num_rows == 99_999
    assert [(f.code, f.row, f.count) for f in read.findings] == [("requests.bad_time", 60_002, 1)]
    assert pc.count_distinct(read.table["event_key"]).as_py() == 99_999


def test_a_bad_cell_beside_the_counts_costs_that_cell_only(tmp_path: Path) -> None:
    lines = [
        "time,input_tokens,end_time,duration_ms,cost,attempt_number,fingerprint,http_status",
        "2026-11-01T10:00:00Z,5,2026-11-01T09:00:00Z,,abc,-1,tell me a CANARY joke,200",
        "2026-11-01T10:00:00Z,5,,250,0.00588,2,9f86d081884c7d65,503",
    ]
    name = write(tmp_path, "log.csv", lines)
    columns = {"reported_cost": "cost", **{word: word for word in lines[0].split(",") if word != "cost"}}
    read = Read(make(tmp_path, name, columns=columns))
    first, second = read.rows
    for word in ("end_time", "reported_cost", "attempt_number", "fingerprint"):
        assert first[word] is None
    assert read.codes == {
        "requests.clock_skew", "requests.bad_reported_cost", "requests.bad_attempt_number", "requests.bad_fingerprint",
    }
    assert str(second["reported_cost"]) == "0.005880000000"
    assert second["cost_currency"] == "USD"
    assert second["attempt_number"] == 2
    assert [first["status"], second["status"]] == ["ok", "error"]
    assert "CANARY" not in str(read.rows)


def test_durations_make_ends(tmp_path: Path) -> None:
    lines = ["time,input_tokens,duration_ms,prefill_ms,decode_us", "2026-11-01T10:00:00Z,5,1500.5,12.25,777"]
    columns = {word: word for word in lines[0].split(",")}
    row = Read(make(tmp_path, write(tmp_path, "log.csv", lines), columns=columns)).rows[0]
    assert row["end_time"] == datetime(2026, 11, 1, 10, 0, 1, 500_500, UTC)
    assert (row["prefill_us"], row["decode_us"]) == (12_250, 777)


def test_a_status_nobody_knows_is_unknown_and_never_text(tmp_path: Path) -> None:
    lines = [
        "time,input_tokens,status,finish_reason,error_kind",
        "2026-11-01T10:00:00Z,5,the model said CANARY,STOP,RateLimitError",
        "2026-11-01T10:00:00Z,5,,SAFETY,it failed because CANARY",
        "2026-11-01T10:00:00Z,5,,a CANARY text,",
        "2026-11-01T10:00:00Z,5,,NEW_REASON,",
    ]
    columns = {word: word for word in lines[0].split(",")}
    read = Read(make(tmp_path, write(tmp_path, "log.csv", lines), columns=columns))
    assert read.column("status") == ["unknown", "blocked", "unknown", "unknown"]
    assert read.column("finish_reason") == ["stop", "content_filter", "other", "new_reason"]
    assert read.column("error_kind") == ["RateLimitError", "other", None, None]
    assert [(f.code, str(f.severity)) for f in read.findings] == [("requests.unknown_status", "info")]
    assert "CANARY" not in str(read.rows)


def test_equal_rows_are_events_of_their_own_and_keep_their_keys(tmp_path: Path) -> None:
    lines = ["time,input_tokens", *["2026-11-01T10:00:00Z,5"] * 3, "2026-11-01T10:00:01Z,5"]
    name = write(tmp_path, "log.csv", lines)
    first, again = Read(make(tmp_path, name)), Read(make(tmp_path, name))
    keys = first.column("event_key")
    assert len(set(keys)) == 4
    assert [key.split(":")[1] for key in keys] == ["1", "2", "3", "1"]
    assert again.column("event_key") == keys
    copy = write(tmp_path, "copy.csv", lines[:3])  # an overlapping delivery: the same events
    assert Read(make(tmp_path, copy)).column("event_key") == keys[:2]


def test_careless_servers_and_retries_under_one_id(tmp_path: Path) -> None:
    lines = [
        "time,input_tokens,response_id,request_id,attempt_number",
        "2026-11-01T10:00:00Z,5,chatcmpl-1,,",
        "2026-11-01T10:00:01Z,5,chatcmpl-1,,",
        "2026-11-01T10:00:02Z,5,,call-9,1",
        "2026-11-01T10:00:02Z,5,,call-9,2",
        "2026-11-01T10:00:03Z,5,,,",
        "2026-11-01T10:00:03Z,5,,,",
    ]
    read = Read(make(tmp_path, write(tmp_path, "log.csv", lines)))
    assert len(set(read.column("event_key"))) == 6
    assert [(f.code, f.row, f.count) for f in read.findings] == [("requests.shared_id", 2, 2)]


def test_an_update_of_one_call_has_the_key_of_the_call(tmp_path: Path) -> None:
    lines = ["time,input_tokens,output_tokens,request_id", "2026-11-01T10:00:00Z,5,1,a", "2026-11-01T10:00:00Z,5,9,a"]
    keys = Read(make(tmp_path, write(tmp_path, "log.csv", lines))).column("event_key")
    assert keys[0] == keys[1]


def test_a_growing_log_is_read_on_from_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("time,input_tokens\n2026-11-01T10:00:00Z,5\n2026-11-01T10:00:01Z,6\n")
    first = Read(make(tmp_path, "log.csv"))
    assert Read(make(tmp_path, "log.csv"), first.cursor).table is None  # nothing new: no delivery
    with path.open("a") as stream:
        stream.write("2026-11-01T10:00:01Z,6\nbroken\n2026-11-01T10:00:00Z,5\n")
    second = Read(make(tmp_path, "log.csv"), first.cursor)
    assert second.column("row_number") == [4, 6]
    assert second.rejected[0]["row_number"] == 5
    whole = Read(make(tmp_path, "log.csv"))
    assert first.column("event_key") + second.column("event_key") == whole.column("event_key")
    assert [key[-2:] for key in second.column("event_key")] == [":2", ":2"]


def test_a_rewritten_log_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("time,input_tokens\n2026-11-01T10:00:00Z,5\n2026-11-01T10:00:01Z,6\n")
    first = Read(make(tmp_path, "log.csv"))
    path.write_text("time,input_tokens\n2026-11-01T10:00:01Z,6\n2026-11-01T10:00:02Z,7\n2026-11-01T10:00:03Z,8\n")
    second = Read(make(tmp_path, "log.csv"), first.cursor)
    assert second.column("row_number") == [2, 3, 4]
    assert second.column("event_key")[0] == first.column("event_key")[1]


seconds = st.integers(0, 5)
log_rows = st.lists(st.tuples(seconds, st.integers(0, 3), st.sampled_from(["a", "b,c", 'two\nlines "q"'])), max_size=12)


@settings(max_examples=40, deadline=None)
@given(log_rows, st.lists(st.integers(0, 2_000), max_size=4), st.booleans())
def test_wherever_a_log_was_cut_the_books_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, str]], cuts: list[int], ids: bool
) -> None:
    """Read after every growth, also in the middle of a line: the last version of each key is what one read gives."""
    folder = tmp_path_factory.mktemp("growing")
    path = folder / "log.csv"
    with path.open("w", newline="") as stream:
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(["time", "note", "id", "input_tokens"])
        for n, (second, tokens, note) in enumerate(rows):
            out.writerow([f"2026-11-01T10:00:0{second}Z", note, f"call-{n}", 1000 * tokens + 7])
    whole = path.read_bytes()
    columns = {"time": "time", "input_tokens": "input_tokens"} | ({"request_id": "id"} if ids else {})
    expected = {row["event_key"]: row["in_uncached"] for row in Read(make(folder, "log.csv", columns=columns)).rows}
    assert len(expected) == len(rows)
    books: dict[str, int] = {}
    cursor: Mapping[str, Any] = {}
    for cut in [*sorted(cut % (len(whole) + 1) for cut in cuts), len(whole)]:
        path.write_bytes(whole[:cut])
        read = Read(make(folder, "log.csv", columns=columns), cursor)
        cursor = read.cursor
        for row in read.rows:
            books[row["event_key"]] = max(books.get(row["event_key"], 0), row["in_uncached"] or 0)
    assert sorted(books.values()) == sorted(expected.values())


def test_missing_columns_and_files(tmp_path: Path) -> None:
    name = write(tmp_path, "log.csv", ["time,input_token,team", "2026-11-01T10:00:00Z,5,a"])
    read = Read(make(tmp_path, name, columns={"time": "time", "input_tokens": "input_tokens"}))
    assert read.rows == []
    finding = read.findings[0]
    assert (finding.code, str(finding.severity)) == ("requests.missing_column", "error")
    assert "'input_token'" in finding.repair
    columns = {"time": "time", "input_tokens": "input_token", "app": "application"}
    partly = Read(make(tmp_path, name, columns=columns))
    assert len(partly.rows) == 1
    assert [(f.code, str(f.severity)) for f in partly.findings] == [
        ("requests.missing_column", "warning"), ("requests.unmapped_columns", "info"),
    ]
    probe = make(tmp_path, "nothing-*.csv").probe()
    assert not probe.reachable
    assert probe.findings[0].code == "requests.no_file"


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"columns": {"inptu_tokens": "x"}}, "input_tokens"),
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"counts": "both"}, "inclusive"),
        ({"colums": {}}, "columns"),
    ],
)
def test_a_wrong_setting_names_the_right_one(tmp_path: Path, options: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigError) as error:
        build({"type": "requests", "path": "x.csv", **options}, tmp_path)
    assert part in str(error.value)


def test_quarantine_shows_no_text_of_a_slipped_row(tmp_path: Path) -> None:
    lines = [
        "time,input_tokens,team,prompt",
        "2026-11-01T10:00:00Z,my CANARY secret,my other CANARY,5",  # the columns slipped
        "2026-11-01T10:00:00Z,5,a,b,CANARY,CANARY",
    ]
    read = Read(make(tmp_path, write(tmp_path, "log.csv", lines)))
    assert read.rows == []
    assert len(read.rejected) == 2
    assert "CANARY" not in str(read.rejected)
    assert "CANARY" not in str(read.findings)
    assert "<text of 16 characters>" in str(read.rejected)


def test_a_file_without_a_header_gives_away_nothing(tmp_path: Path) -> None:
    lines = ["2026-11-01T10:00:00Z,5,tell me a CANARY joke and then another one please", "2026-11-01T10:00:01Z,6,b"]
    read = Read(make(tmp_path, write(tmp_path, "log.csv", lines), columns={"time": "ts", "input_tokens": "in"}))
    assert read.rows == []
    assert read.codes == {"requests.missing_column"}
    assert "CANARY" not in str(read.findings)


def test_the_probe_says_what_is_there() -> None:
    probe = make(DATA, "azure_2023_*_head.csv").probe()
    assert probe.reachable
    assert probe.rows == 400
    assert probe.tables == ("attempts",)
    assert probe.window is not None
    assert probe.window.since == datetime(2023, 11, 16, 18, 15, 46, 680_590, UTC)


def test_it_conforms(tmp_path: Path) -> None:
    good = ("\n".join(LOG) + "\n").encode()
    (tmp_path / "log.csv").write_bytes(good)
    read = check_source(lambda: make(tmp_path, "log.csv", columns=COLUMNS))
    assert sum(delivery.rows for delivery in read) == 3
    check_bad_bytes(lambda path: make(path.parent, path.name, columns=COLUMNS), good, tmp_path / "damaged.csv")
    lines = b'{"time": "2026-11-01T10:00:00Z", "input_tokens": 5}\n' * 3
    (tmp_path / "log.jsonl").write_bytes(lines)
    check_source(lambda: make(tmp_path, "log.jsonl"))
    check_bad_bytes(lambda path: make(path.parent, path.name), lines, tmp_path / "damaged.jsonl")
    pq.write_table(pa.table({"time": ["2026-11-01T10:00:00Z"], "input_tokens": [5]}), tmp_path / "log.parquet")
    parquet = (tmp_path / "log.parquet").read_bytes()
    check_source(lambda: make(tmp_path, "log.parquet"))
    check_bad_bytes(lambda path: make(path.parent, path.name), parquet, tmp_path / "damaged.parquet")
