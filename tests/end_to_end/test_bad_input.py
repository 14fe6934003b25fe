"""Bad input: a finding with file and row, the good rows kept, the bad in quarantine, the exit code as designed."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import MakeProduct, Product, Said
from focus_bill import USUAL, bill, line
from report_contract import check

from netyield.store.folder import Folder

FOCUS = '[[source]]\ntype = "focus"\npath = "bill*"\n'
REQUESTS = """
[[source]]
type = "requests"
path = "requests*"
columns = {time = "at", end_time = "end", model = "model", input_tokens = "in", output_tokens = "out"}
set = {provider = "openai", status = "ok"}
"""
HEAD = "at,end,model,in,out"
DAY = ("--since", "2026-03-02", "--until", "2026-03-03")


def quarantine(product: Product) -> list[dict[str, Any]]:
    """The quarantine table of the books as it is stored."""
    folder = Folder.open(product.root)
    tables = [pq.read_table(path) for path in folder.paths(folder.manifest().of("quarantine"))]
    rows = pa.concat_tables(tables).to_pylist() if tables else []
    return sorted(rows, key=lambda row: (row["delivery"], row["row_number"]))


def errors(said: Said) -> list[dict[str, Any]]:
    return [remark for remark in said.body["remarks"] if remark["severity"] == "error"]


def assert_clear(remark: dict[str, Any], file: str, row: int | None) -> None:
    """A finding a person can act on: the file, the row, what is wrong, what to do."""
    assert remark["file"] == file
    if row is not None:
        assert remark["row"] == row
    assert remark["message"]
    assert remark["repair"]


def call(n: int, **columns: Any) -> str:
    start = datetime(2026, 3, 2, 8, tzinfo=UTC) + timedelta(seconds=n)
    found = {"at": start.isoformat(), "end": (start + timedelta(seconds=1)).isoformat(), "model": "gpt-4o-mini", "in": 100, "out": 10, **columns}
    return ",".join(str(value) for value in found.values())


def served(product: Product) -> int:
    """Output tokens in the report of the day."""
    body = product.report(*DAY)
    check(body)
    return sum(count for name, count in body["usage"]["tokens_by_class"].items() if name.startswith("out_"))


# --- single bad rows ---------------------------------------------------------------------------------------------------

BAD_CALLS = {
    "negative count": call(3, **{"in": -5}), "absurd count": call(3, out=10**19), "no number": call(3, out="many"),
    "no time": call(3, at="yesterday"), "infinite": call(3, out="inf"), "half a token": call(3, out="1.5"),
    "month thirteen": call(3, at="2026-13-02T08:00:00Z"), "the year 30000": call(3, at="30000-01-01T00:00:00Z"),
}


@pytest.mark.parametrize("bad", BAD_CALLS)
def test_one_bad_request_is_quarantined_and_the_others_kept(make: MakeProduct, bad: str) -> None:
    product = make(REQUESTS)
    product.put("requests.csv", "\n".join([HEAD, call(0), call(1), BAD_CALLS[bad], call(4)]) + "\n")
    said = product.ingest()
    assert said.code == 1
    assert len(errors(said)) == 1
    assert_clear(errors(said)[0], "requests.csv", 4)
    rows = quarantine(product)
    assert [(row["table"], row["row_number"], row["code"]) for row in rows] == [("attempts", 4, errors(said)[0]["code"])]
    assert json.loads(rows[0]["record"])["model"] == "gpt-4o-mini"
    assert served(product) == 30


def test_the_finding_of_a_bad_row_stays_with_the_books(make: MakeProduct) -> None:
    """A report goes on telling, and fails unless told not to; the bad row is not tried again and again."""
    product = make(REQUESTS)
    product.put("requests.csv", "\n".join([HEAD, call(0), BAD_CALLS["no time"]]) + "\n")
    assert product.ingest().code == 1
    assert product.run("report", *DAY, "--json").code == 1
    assert product.run("report", *DAY, "--json", "--fail-on", "never").code == 0
    assert product.run("ingest", "--json").body["booked"] == []
    assert product.report(*DAY)["findings"]["error"] == 1


def test_clock_skew_is_a_remark_and_a_time_in_the_future_is_refused(make: MakeProduct) -> None:
    product = make(REQUESTS)
    ahead = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    early = call(1, end="2026-03-02T07:00:00Z")
    product.put("requests.csv", "\n".join([HEAD, call(0), early, call(2, at=ahead, end=ahead), call(4)]) + "\n")
    said = product.ingest("--fail-on", "never")
    skewed = said.remarks("requests.clock_skew")
    assert len(skewed) == 1
    assert_clear(skewed[0], "requests.csv", 3)
    assert skewed[0]["severity"] == "warning"
    assert served(product) == 30, "a call that ends before it starts is kept without its end"
    future = [remark for remark in said.body["remarks"] if remark["row"] == 4]
    assert len(future) == 1
    assert_clear(future[0], "requests.csv", 4)
    window = product.report()["window"]
    assert window["until"] < "2026-03-04", "one row from the future must not stretch the window"


def test_a_bill_with_bad_rows_keeps_the_good_ones(make: MakeProduct) -> None:
    product = make(FOCUS)
    product.put("bill.csv", bill(
        line("1", ServiceName="Amazon SageMaker"), line("two", ServiceName="Amazon SageMaker"),
        line("4", ServiceName="Amazon SageMaker", ChargePeriodEnd="2026-03-01T00:00:00Z"),
        line("8", ServiceName="Amazon SageMaker", BillingCurrency="dollars"), line("16", ServiceName="Amazon SageMaker"),
    ))
    said = product.ingest()
    assert said.code == 1
    assert {remark["row"] for remark in errors(said)} == {3, 4, 5}
    for remark in errors(said):
        assert_clear(remark, "bill.csv", None)
    assert [row["row_number"] for row in quarantine(product)] == [3, 4, 5]
    assert check(product.report(*DAY)) == {"platform": Decimal(17)}


def test_counts_that_cannot_be_are_quarantined(make: MakeProduct) -> None:
    product = make("""
[[source]]
type = "capacity_csv"
path = "counts.csv"
pool = "p"
columns = {time = "t", total = "n", allocated = "held"}
interval_seconds = 3600
[[source]]
type = "rate_card"
rates = [{pool = "*", usd_per_gpu_hour = "1.00"}]
""")
    rows = [f"2026-03-02T{hour:02d}:00:00Z,8,4" for hour in range(6)]
    rows[1], rows[2], rows[4] = "2026-03-02T01:00:00Z,8,9", "2026-03-02T02:00:00Z,-8,4", "2026-03-02T04:00:00Z,99999999999,4"
    product.put("counts.csv", "t,n,held\n" + "\n".join(rows) + "\n")
    said = product.ingest()
    assert said.code == 1
    assert [row["row_number"] for row in quarantine(product)] == [3, 4, 6]
    assert {remark["row"] for remark in errors(said)} == {3, 4, 6}
    body = product.report("--since", "2026-03-02T00:00Z", "--until", "2026-03-02T06:00Z")
    check(body)
    assert body["usage"]["gpu_hours_by_state"].keys() == {"unallocated", "unknown"}, "hours without a count are unknown, not free"
    assert body["usage"]["gpu_hours_by_state"]["unallocated"] == 12


# --- whole files -------------------------------------------------------------------------------------------------------


def parquet(rows: int) -> bytes:
    lines = [line("1", ServiceName="Amazon SageMaker") for _ in range(rows)]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(lines, schema=pa.schema([(name, pa.string()) for name in USUAL])), sink)
    return sink.getvalue()


DAMAGED: dict[str, tuple[str, bytes]] = {
    "truncated parquet": ("bill-9.parquet", parquet(500)[:-200]),
    "half a parquet": ("bill-9.parquet", parquet(500)[:400]),
    "empty file": ("bill-9.csv", b""),
    "corrupt gzip": ("bill-9.csv.gz", b"\x1f\x8b\x08\x00" + bytes(range(200))),
    "noise": ("bill-9.csv", bytes(range(256)) * 40),
    "another table": ("bill-9.csv", b"name,size\na,1\nb,2\n"),
    "a web page": ("bill-9.csv", b"<!doctype html><html><body>Sign in</body></html>\n"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_a_finding_and_the_other_files_are_read(make: MakeProduct, damage: str) -> None:
    product = make(FOCUS)
    name, content = DAMAGED[damage]
    product.put("bill-1.csv", bill(line("3", ServiceName="Amazon SageMaker")))
    product.put(name, content)
    said = product.ingest()
    assert said.code == 1
    assert errors(said)
    for remark in errors(said):
        assert_clear(remark, name, None)
    assert check(product.report(*DAY)) == {"platform": Decimal(3)}
    # Repaired under the same name, it is read.
    product.put(name, parquet(2) if name.endswith("parquet") else gzip.compress(_two()) if name.endswith("gz") else _two())
    product.ingest("--fail-on", "never")
    assert Decimal(product.report(*DAY)["total"]) == 5


def _two() -> bytes:
    return bill(line("1", ServiceName="Amazon SageMaker"), line("1", ServiceName="Amazon SageMaker", SubAccountId="b")).encode()


def test_a_gzip_that_ends_too_early_keeps_what_could_be_read_or_nothing(make: MakeProduct) -> None:
    product = make(REQUESTS)
    whole = "\n".join([HEAD, *(call(n) for n in range(2000))]) + "\n"
    product.put("requests.csv.gz", gzip.compress(whole.encode())[:-300])
    product.put("requests-2.csv", "\n".join([HEAD, call(5000)]) + "\n")
    said = product.ingest()
    assert said.code == 1
    assert_clear(errors(said)[0], "requests.csv.gz", None)
    assert served(product) >= 10
    product.put("requests.csv.gz", gzip.compress(whole.encode()))
    product.ingest("--fail-on", "never")
    assert served(product) == 20_010, "the mended file is read without counting anything twice"


def test_bytes_that_are_not_utf_8_cost_only_their_row(make: MakeProduct) -> None:
    product = make(REQUESTS)
    good = [HEAD, call(0), call(1, model="gpt-4o-mini"), call(2)]
    lines = "\n".join(good).encode().split(b"\n")
    lines[2] = lines[2].replace(b"gpt-4o-mini", b"gpt-\xe9\xff")
    product.put("requests.csv", b"\n".join(lines) + b"\n")
    said = product.ingest("--fail-on", "never")
    found = [remark for remark in said.body["remarks"] if remark["file"] == "requests.csv" and remark["severity"] != "info"]
    assert found
    assert_clear(found[0], "requests.csv", 3)
    assert served(product) >= 20


def test_a_utf_16_export_is_read_or_refused_with_words(make: MakeProduct) -> None:
    product = make(FOCUS)
    product.put("bill.csv", bill(line("3", ServiceName="Amazon SageMaker")).encode("utf-16"))
    said = product.ingest()
    if said.code == 0:
        assert check(product.report(*DAY)) == {"platform": Decimal(3)}
    else:
        assert_clear(errors(said)[0], "bill.csv", None)
        assert "UTF-8" in errors(said)[0]["repair"] + errors(said)[0]["message"]


def test_unknown_columns_are_told_and_do_no_harm(make: MakeProduct) -> None:
    product = make(FOCUS)
    text = bill(line("3", ServiceName="Amazon SageMaker")).splitlines()
    product.put("bill.csv", f"{text[0]},ShoeSize\n{text[1]},44\n")
    said = product.ingest()
    assert said.code == 0
    assert any("ShoeSize" in remark["message"] for remark in said.body["remarks"])
    assert check(product.report(*DAY)) == {"platform": Decimal(3)}


def test_a_missing_file_is_an_error_finding(make: MakeProduct) -> None:
    product = make(FOCUS)
    said = product.ingest()
    assert said.code == 1
    assert [remark["code"] for remark in errors(said)] == ["focus.no_file"]
    nothing = product.run("report", "--json")
    assert nothing.code == 2
    assert nothing.out == ""
    assert "netyield ingest" in nothing.err


def test_a_file_that_cannot_be_opened_is_a_finding(make: MakeProduct, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user without permission meets, also when the tests run as root."""
    product = make(FOCUS)
    product.put("bill-1.csv", bill(line("3", ServiceName="Amazon SageMaker")))
    product.put("bill-2.csv", bill(line("4", ServiceName="Amazon SageMaker")))
    product.put("bill-3.csv", bill(line("5", ServiceName="Amazon SageMaker")))
    opened = Path.open

    def refuse(path: Path, *words: Any, **more: Any) -> Any:
        if path.name == "bill-2.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *words, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refuse)
        said = product.ingest()
    assert said.code == 1
    assert_clear(errors(said)[0], "bill-2.csv", None)
    assert errors(said)[0]["code"] == "focus.unreadable"
    assert "Permission denied" in errors(said)[0]["message"]
    assert [record["name"] for record in said.body["booked"]] == ["bill-1.csv", "bill-3.csv"]
    assert product.ingest().code == 0
    assert check(product.report(*DAY)) == {"platform": Decimal(12)}


# --- duplicate and overlapping deliveries ------------------------------------------------------------------------------


def test_the_same_bill_under_two_names_counts_once(make: MakeProduct) -> None:
    product = make(FOCUS)
    text = bill(line("3", ServiceName="Amazon SageMaker"))
    product.put("bill-1.csv", text)
    product.put("bill-2.csv", text)
    said = product.ingest("--fail-on", "never")
    assert said.body["known_already"] == 1
    assert check(product.report(*DAY)) == {"platform": Decimal(3)}


def test_two_bills_that_share_a_day_are_told(make: MakeProduct) -> None:
    product = make(FOCUS)

    def days(first: int, last: int) -> str:
        return bill(*(
            line(str(n), ServiceName="Amazon SageMaker", ResourceId=f"r{n}",
                 ChargePeriodStart=f"2026-03-{day:02d}T00:00:00Z", ChargePeriodEnd=f"2026-03-{day + 1:02d}T00:00:00Z")
            for day in range(first, last) for n in range(1, 4)
        ))

    product.put("bill-1.csv", days(2, 5))
    product.put("bill-2.csv", days(4, 7))
    said = product.ingest()
    assert said.code == 1, "files declared not to overlap do"
    told = said.remarks("ledger.bill_overlap")
    assert len(told) == 1
    assert_clear(told[0], "bill-2.csv", 2)
    assert told[0]["severity"] == "error"
    assert "bill-1.csv" in told[0]["message"]
    assert "(6.00 USD)" in told[0]["message"]
    assert check(product.report("--since", "2026-03-02", "--until", "2026-03-07")) == {"platform": Decimal(5 * 6)}


# --- wrong use ---------------------------------------------------------------------------------------------------------

WRONG = {
    "bad TOML": ("[[source]\ntype = ", "TOML"), "unknown table": ("[[sauce]]\ntype = 'focus'\n", "source"),
    "unknown key": ("[project]\ncurrencey = 'USD'\n", "currency"), "unknown type": ("[[source]]\ntype = 'fokus'\n", "focus"),
    "unknown source key": ("[[source]]\ntype = 'focus'\npaht = 'x'\n", "path"),
    "bad currency": ("[project]\ncurrency = 'dollars'\n", "currency"),
    "two of one name": ("[[source]]\nname='a'\ntype='focus'\npath='x'\n[[source]]\nname='a'\ntype='focus'\npath='y'\n", "name"),
    "no type": ("[[source]]\npath = 'x'\n", "type"),
    "bad rate": ("[[source]]\ntype = 'rate_card'\nrates = [{pool = '*', usd_per_gpu_hour = 'cheap'}]\n", "rate"),
    "bad zone of a source": ("[[source]]\ntype = 'focus'\npath = 'x'\ntimezone = 'Mars'\n", "timezone"),
    "bad zone": ("[project]\ntimezone = 'Mars/Olympus'\n[[source]]\ntype = 'focus'\npath = 'x'\n", "timezone"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_netyield_toml_names_the_key_and_exits_with_2(make: MakeProduct, wrong: str) -> None:
    text, word = WRONG[wrong]
    said = make(text).run("ingest", "--json")
    assert said.code == 2, said.err + said.out
    assert said.out == ""
    assert word in said.err
    assert len(said.err.splitlines()) <= 3


def test_a_project_that_does_not_exist_and_words_that_do_not_exit_with_2(make: MakeProduct) -> None:
    product = make(FOCUS)
    product.put("bill.csv", bill(line("3", ServiceName="Amazon SageMaker")))
    assert product.ingest().code == 0
    for words in (["report", "waterfal"], ["report", "--basis", "nonsense"], ["report", "--by", "shoe", "unit_cost"],
                  ["report", "--where", "shoe=1"], ["report", "--where", "shoe"], ["report", "--since", "soon"],
                  ["report", "--since", "2026-03-03", "--until", "2026-03-02"], ["explain", "waterfall/nothing"], ["reprot"]):
        said = product.run(*words)
        assert said.code == 2, (words, said.err)
        assert said.out == ""
    (product.root / "netyield.toml").unlink()
    assert product.run("report", "--json").code == 2


# --- many rows ---------------------------------------------------------------------------------------------------------


def one_bad_among(product: Product, rows: int) -> int:
    """Write a request log with one row that is no request; returns its line number."""
    bad = rows * 2 // 3
    block = "".join(call(n % 86_400 // 4) + "\n" for n in range(1000))
    with (product.root / "requests.csv").open("w") as stream:
        stream.write("at,end,model,in,out,id\n")
        for start in range(0, rows, 1000):
            lines = block.splitlines()
            lines = [f"{text},{start + n}" for n, text in enumerate(lines)]
            if start <= bad < start + 1000:
                lines[bad - start] = lines[bad - start].replace(",100,10,", ",100,-10,")
            stream.write("\n".join(lines) + "\n")
    return bad + 2


@pytest.mark.parametrize("rows", [300_000, pytest.param(10_000_000, marks=pytest.mark.soak)])
@pytest.mark.timeout(1800)
def test_one_bad_row_among_very_many(make: MakeProduct, rows: int) -> None:
    product = make(REQUESTS.replace('output_tokens = "out"', 'output_tokens = "out", request_id = "id"'))
    bad = one_bad_among(product, rows)
    said = product.ingest()
    assert said.code == 1
    assert len(errors(said)) == 1
    assert_clear(errors(said)[0], "requests.csv", bad)
    assert [row["row_number"] for row in quarantine(product)] == [bad]
    assert served(product) == 10 * (rows - 1)
