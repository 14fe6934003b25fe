from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.sources.csv_rows import csv_blocks
from netyield.sources.files import Block, Place, file_format, header, label, matching, open_binary, read_rows

PLACE = Place("test", "file.csv")


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, block_bytes: int = 1 << 20) -> tuple[list[tuple[int, dict[str, str]]], list[Block]]:
    blocks = list(csv_blocks(path, PLACE, block_bytes=block_bytes))
    rows = [
        (number, row)
        for block in blocks
        for number, row in zip(block.numbers.to_pylist(), block.rows.to_pylist(), strict=True)
    ]
    return rows, blocks


def codes(blocks: list[Block]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for finding in (f for block in blocks for f in block.findings):
        counts[finding.code] = counts.get(finding.code, 0) + finding.count
    return counts


def refused(blocks: list[Block]) -> list[int]:
    return [row[0] for block in blocks for row in block.rejected]


def test_matching_is_sorted_recursive_and_takes_names_with_brackets(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("b.csv", "a.csv", "deep/er/c.csv", "x[1].csv"):
        write(tmp_path, name, "a\n1\n")
    assert [label(tmp_path, p) for p in matching(tmp_path, "*.csv")] == ["a.csv", "b.csv", "x[1].csv"]
    assert [label(tmp_path, p) for p in matching(tmp_path, "**/c.csv")] == ["deep/er/c.csv"]
    assert matching(tmp_path, "x[1].csv") == [tmp_path / "x[1].csv"]
    assert matching(tmp_path, str(tmp_path / "b.csv")) == [tmp_path / "b.csv"]
    assert matching(tmp_path, "nothing*") == []
    assert matching(tmp_path, "deep") == []


def test_gzip_is_known_by_content(tmp_path: Path) -> None:
    path = write(tmp_path, "misnamed.csv", gzip.compress(b"a,b\n1,2\n"))
    with open_binary(path) as stream:
        assert stream.read() == b"a,b\n1,2\n"
    assert read(path)[0] == [(2, {"a": "1", "b": "2"})]


def test_row_numbers_count_lines_as_an_editor_does(tmp_path: Path) -> None:
    path = write(tmp_path, "f.csv", '\na,b\r\n1,"two\nlines"\r\n\r\n3,4\r\n"5","say ""hi"", ok"\r\n7,8')
    rows, blocks = read(path)
    assert rows == [
        (3, {"a": "1", "b": "two\nlines"}),
        (6, {"a": "3", "b": "4"}),
        (7, {"a": "5", "b": 'say "hi", ok'}),
        (8, {"a": "7", "b": "8"}),
    ]
    assert codes(blocks) == {}


def test_ragged_rows_are_refused_with_their_line_and_the_rest_is_kept(tmp_path: Path) -> None:
    rows, blocks = read(write(tmp_path, "f.csv", "a,b\n1,2\n3\n4,5,6\n7,8\n"))
    assert [number for number, _ in rows] == [2, 5]
    assert refused(blocks) == [3, 4]
    (finding,) = blocks[0].findings
    assert (finding.code, finding.row, finding.count) == ("test.ragged_row", 3, 2)
    assert "1 values where the header has 2" in finding.message


@pytest.mark.parametrize("block_bytes", [16, 64, 1 << 20])
def test_a_forgotten_closing_quote_costs_one_row_only(tmp_path: Path, block_bytes: int) -> None:
    lines = [f'{i},"name {i}",{i}.5' for i in range(3000)]
    lines[1500] = '1500,"never closed,1500.5'
    rows, blocks = read(write(tmp_path, "f.csv", "id,name,cost\n" + "\n".join(lines) + "\n"), block_bytes)
    assert refused(blocks) == [1502]
    assert [number for number, _ in rows] == [n for n in range(2, 3002) if n != 1502]
    assert codes(blocks) == {"test.ragged_row": 1}


def test_a_forgotten_quote_in_a_file_without_other_quotes_costs_one_row_only(tmp_path: Path) -> None:
    lines = [f"{i},name {i}" for i in range(5000)]
    lines[10] = '10,"oops'
    rows, blocks = read(write(tmp_path, "f.csv", "id,name\n" + "\n".join(lines) + "\n"), 4096)
    assert refused(blocks) == [12]
    assert len(rows) == 4999


def test_an_inch_sign_is_text(tmp_path: Path) -> None:
    rows, blocks = read(write(tmp_path, "f.csv", 'a,b\n5" disk,6" disk\n1,3" one\n"x"y,z\n'))
    assert rows[0] == (2, {"a": '5" disk', "b": '6" disk'})
    assert rows[1] == (3, {"a": "1", "b": '3" one'})
    assert rows[2] == (4, {"a": "xy", "b": "z"})
    assert codes(blocks) == {}


def test_latin_1_lines_are_read_with_a_finding_and_utf_8_lines_stay(tmp_path: Path) -> None:
    rows, blocks = read(write(tmp_path, "f.csv", b"a,b\n1,caf\xc3\xa9\n2,caf\xe9\n3,z\n"))
    assert [row["b"] for _, row in rows] == ["café", "café", "z"]
    (finding,) = blocks[0].findings
    assert (finding.code, finding.row, finding.count) == ("test.encoding", 3, 1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(tmp_path: Path, encoding: str) -> None:
    rows, blocks = read(write(tmp_path, "f.csv", "a;b\n1;é\n".encode(encoding)))
    assert rows == [(2, {"a": "1", "b": "é"})]
    assert codes(blocks) == {}


def test_old_mac_line_ends_and_tabs(tmp_path: Path) -> None:
    assert read(write(tmp_path, "f.tsv", "a\tb\r1\t2\r"))[0] == [(2, {"a": "1", "b": "2"})]


def test_a_lone_carriage_return_in_a_value_does_not_shift_rows(tmp_path: Path) -> None:
    rows, blocks = read(write(tmp_path, "f.csv", "a,b\n1,x\ry\n2,z\n"))
    assert (3, {"a": "2", "b": "z"}) in rows
    assert len(rows) + len(refused(blocks)) == 2


def test_a_gzip_cut_short_gives_the_rows_before_the_cut(tmp_path: Path) -> None:
    lines = [f"{i},{i * 7919 % 10007}" for i in range(100_000)]
    packed = gzip.compress(("a,b\n" + "\n".join(lines) + "\n").encode())
    rows, blocks = read(write(tmp_path, "f.csv.gz", packed[: len(packed) // 2]))
    assert codes(blocks)["test.truncated"] == 1
    assert 25_000 < len(rows) < 75_000
    assert [row for _, row in rows] == [
        dict(zip("ab", line.split(","), strict=True)) for line in lines[: len(rows)]
    ]


def test_empty_and_header_only_files(tmp_path: Path) -> None:
    rows, blocks = read(write(tmp_path, "empty.csv", ""))
    assert rows == []
    assert codes(blocks) == {"test.empty_file": 1}
    rows, blocks = read(write(tmp_path, "head.csv", "a,b\n"))
    assert rows == []
    assert codes(blocks) == {}
    assert blocks[0].rows.column_names == ["a", "b"]


def test_duplicate_columns_and_a_repeated_header(tmp_path: Path) -> None:
    rows, blocks = read(write(tmp_path, "f.csv", "a,b,a\n1,2,3\na,b,a\n4,5,6\n"))
    assert [(n, row["a"], row["b"]) for n, row in rows] == [(2, "1", "2"), (4, "4", "5")]
    assert codes(blocks) == {"test.duplicate_column": 1, "test.repeated_header": 1}


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, "f.csv", "a,b,c\n1,2,3\n")
    (block,) = read_rows(path, PLACE, ["c", "a", "missing"])
    assert block.rows.to_pylist() == [{"a": "1", "c": "3"}]


def test_json_lines_are_flat_exact_text(tmp_path: Path) -> None:
    lines = [
        '{"id": 1, "usage": {"tokens": 12, "cost": 0.1000000000000000055}, "ok": true, "tags": ["a", 1]}',
        "not json",
        "",
        '{"id": "two", "usage": null}',
        "[1]",
    ]
    blocks = list(read_rows(write(tmp_path, "f.jsonl", "\n".join(lines)), PLACE))
    rows = [row for block in blocks for row in block.rows.to_pylist()]
    assert rows[0]["usage.cost"] == "0.1000000000000000055"
    assert (rows[0]["usage.tokens"], rows[0]["ok"], json.loads(rows[0]["tags"])) == ("12", "true", ["a", 1])
    assert rows[1]["id"] == "two"
    assert [n for block in blocks for n in block.numbers.to_pylist()] == [1, 4]
    assert refused(blocks) == [2, 5]
    assert codes(blocks) == {"test.bad_json": 2}


def test_parquet_whole_and_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"a": list(range(300_000)), "b": ["x"] * 300_000}), path)
    blocks = list(read_rows(path, PLACE, ["a", "nope"]))
    assert [n for block in blocks for n in block.numbers.to_pylist()] == list(range(1, 300_001))
    assert blocks[0].rows.column_names == ["a"]
    cut = write(tmp_path, "cut.parquet", path.read_bytes()[:-1000])
    (block,) = read_rows(cut, PLACE)
    assert block.rows.num_rows == 0
    assert codes([block]) == {"test.truncated": 1}


def test_a_damaged_row_group_keeps_the_rows_before_it(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    table = pa.table({"a": [f"{i * 7919}" for i in range(400_000)]})
    pq.write_table(table, path, row_group_size=131_072, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[start + 40 : start + 4000] = b"\xff" * 3960
    blocks = list(read_rows(write(tmp_path, "bad.parquet", bytes(content)), PLACE))
    assert sum(block.rows.num_rows for block in blocks) >= 131_072
    assert codes(blocks) == {"test.truncated": 1}
    assert blocks[-1].findings[0].row is not None


def test_header_and_format(tmp_path: Path) -> None:
    assert header(write(tmp_path, "f.csv", "a,b\n1,2\n"), PLACE) == ["a", "b"]
    assert header(write(tmp_path, "g.jsonl", '{"a": {"b": 1}}\n'), PLACE) == ["a.b"]
    assert header(write(tmp_path, "empty.csv", ""), PLACE) == []
    assert header(write(tmp_path, "bad.parquet", "nope"), PLACE) == []
    assert file_format(write(tmp_path, "h.log", '{"a": 1}')) == "jsonl"
    assert file_format(write(tmp_path, "i.parquet", "")) == "parquet"


def test_an_unreadable_file_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "gone.csv"
    path.symlink_to(tmp_path / "nowhere")
    blocks = list(csv_blocks(path, PLACE))
    assert codes(blocks)["test.unreadable"] == 1


VALUES = st.text(alphabet='ab ,"\n;é', max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES, st.just("x")), max_size=25), st.integers(8, 200), st.booleans())
def test_any_well_formed_csv_reads_as_the_csv_module_reads_it(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, str, str]], block_bytes: int, quote_all: bool
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerow(["a,1", "b", "c"])
    writer.writerows(records)
    path = write(tmp_path_factory.mktemp("csv"), "f.csv", out.getvalue())
    rows, blocks = read(path, block_bytes)
    reader = csv.reader(io.StringIO(out.getvalue(), newline=""))
    expected, line = [], 0
    for record in reader:
        expected.append((line + 1, record))
        line = reader.line_num
    assert [(n, list(row.values())) for n, row in rows] == expected[1:]
    assert refused(blocks) == []


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet='a,"\n\r', max_size=80), st.integers(4, 64))
def test_any_text_is_read_without_an_exception_and_every_line_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, body: str, block_bytes: int
) -> None:
    path = write(tmp_path_factory.mktemp("csv"), "f.csv", "h,i\n" + body)
    rows, blocks = read(path, block_bytes)
    numbers = [number for number, _ in rows] + refused(blocks)
    assert len(set(numbers)) == len(numbers)
    assert all(2 <= number <= body.count("\n") + 2 for number in numbers)


def test_one_bad_row_among_many_is_found_by_its_line(tmp_path: Path) -> None:
    good = "2026-01-01T00:00:00Z,some name,12.50,\"a, b\"\n" * 1000
    with (tmp_path / "big.csv").open("w") as stream:
        stream.write("time,name,cost,note\n")
        for block in range(400):
            stream.write(good if block != 200 else good + "bad,row\n")
    total, bad = 0, []
    for block in csv_blocks(tmp_path / "big.csv", PLACE):
        total += block.rows.num_rows
        bad += [row[0] for row in block.rejected]
    assert total == 400_000
    assert bad == [201_002]
