"""Bytes of a file as clean text. What is in this file, however it was compressed, encoded or cut short?

Text comes out as blocks of whole lines in UTF-8 of bounded size, so that a file of any length is read in the same
memory. Everything that had to be mended on the way is a Finding, never an exception.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from netyield.core.finding import Finding, Severity

BLOCK_BYTES = 16 << 20
LONGEST_LINE_BYTES = 64 << 20  # beyond this a "line" is not text, and would not fit the memory bound either
GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# (row_number, code, message, record); record holds mapped values only, null where nothing could be mapped.
RejectedRow = tuple[int, str, str, Mapping[str, Any] | None]


@dataclass(slots=True)
class Block:
    """Rows of one file: ``rows`` has one column per file column; ``numbers`` the line each row starts on.

    CSV and JSON Lines give text columns (an absent value is null, an empty one is ""); Parquet gives its own types.
    """

    rows: pa.Table
    numbers: pa.Array
    rejected: list[RejectedRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose findings these are: the prefix of their codes and the file name people see."""

    code: str
    file: str

    def error(self, code: str, message: str, repair: str, row: int | None = None, count: int = 1) -> Finding:
        """A finding after which figures may be wrong."""
        return self._finding(code, Severity.ERROR, message, repair, row, count)

    def warning(self, code: str, message: str, repair: str, row: int | None = None, count: int = 1) -> Finding:
        """A finding about a gap or a doubt."""
        return self._finding(code, Severity.WARNING, message, repair, row, count)

    def info(self, code: str, message: str, repair: str, row: int | None = None, count: int = 1) -> Finding:
        """A finding worth knowing."""
        return self._finding(code, Severity.INFO, message, repair, row, count)

    def _finding(
        self, code: str, severity: Severity, message: str, repair: str, row: int | None, count: int
    ) -> Finding:
        """The message ends as a sentence, because the repair follows it on the same line."""
        ended = message if message.endswith((".", ";", "!", "?")) else f"{message}."
        return Finding(f"{self.code}.{code}", severity, ended, repair, self.file, row, count)


@dataclass(slots=True)
class TextBlock:
    """Whole lines of UTF-8, ended by ``\\n`` (the last block of a file may lack it); ``line`` is the first one's."""

    text: bytes
    line: int
    last: bool = False
    findings: list[Finding] = field(default_factory=list)


def packed(path: Path) -> bool:
    """Whether the first two bytes say gzip (whatever the name says)."""
    with path.open("rb") as stream:
        return stream.read(2) == GZIP_MAGIC


def open_binary(path: Path) -> IO[bytes]:
    """The bytes of a file, decompressed when it is gzip."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed(path) else path.open("rb")


def text_blocks(path: Path, place: Place, block_bytes: int = BLOCK_BYTES) -> Iterator[TextBlock]:
    """The file as blocks of whole lines; the last one has ``last`` set. An unreadable file ends with a finding."""
    findings: list[Finding] = []
    line, carry = 1, b""
    for piece in _utf8_or_latin(path, place, block_bytes, findings):
        whole, newline, rest = (carry + piece).rpartition(b"\n")
        carry = rest
        if newline:
            text, mended = _mend(whole + newline, line, place)
            yield TextBlock(text, line, findings=mended)
            line += text.count(b"\n")
        elif len(carry) > LONGEST_LINE_BYTES:
            message = f"a line is longer than {LONGEST_LINE_BYTES >> 20} MiB; the rest of the file was not read"
            findings.append(place.error("long_line", message, "Is this really a text file?", line))
            carry = b""
            break
    text, mended = _mend(carry, line, place)
    yield TextBlock(text, line, last=True, findings=findings + mended)


def _utf8_or_latin(path: Path, place: Place, block_bytes: int, findings: list[Finding]) -> Iterator[bytes]:
    """Pieces with the byte-order mark gone, UTF-16 turned into UTF-8 and old Mac line ends into ``\\n``."""
    pieces = _pieces(path, place, block_bytes, findings)
    first = next(pieces, b"")
    encoding = "utf-8"
    for mark, name in BYTE_ORDER_MARKS:
        if first.startswith(mark):
            first, encoding = first[len(mark) :], name
            break
    old_mac = encoding == "utf-8" and b"\r" in first and b"\n" not in first
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for piece in _chain(first, pieces):
        text = piece if encoding == "utf-8" else decoder.decode(piece).encode()
        yield text.replace(b"\r", b"\n") if old_mac else text


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _pieces(path: Path, place: Place, block_bytes: int, findings: list[Finding]) -> Iterator[bytes]:
    try:
        with open_binary(path) as stream:
            while piece := _piece(stream, block_bytes, place, findings):
                yield piece
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        findings.append(place.error("unreadable", message, "Check its permissions and send it again."))


def _piece(stream: IO[bytes], block_bytes: int, place: Place, findings: list[Finding]) -> bytes:
    """About ``block_bytes`` bytes. A damaged gzip stream gives what came before the damage, with a finding."""
    parts: list[bytes] = []
    size = 0
    while size < block_bytes:
        try:
            # read1 keeps what was unpacked before the damage; read would lose it.
            part = stream.read1(1 << 20)  # type: ignore[attr-defined]
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            if not any(finding.code.endswith(".truncated") for finding in findings):
                message = f"the gzip stream is cut short or damaged ({error}); what came before was read"
                findings.append(place.error("truncated", message, "Download or export the file again."))
            break
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _mend(text: bytes, line: int, place: Place) -> tuple[bytes, list[Finding]]:
    """Valid UTF-8: a line that is not is read as Latin-1, where every byte is a character; the others stay."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return text, []
    mended, bad = [], []
    for number, part in enumerate(text.split(b"\n"), line):
        try:
            part.decode("utf-8")
            mended.append(part)
        except UnicodeDecodeError:
            mended.append(part.decode("latin-1").encode())
            bad.append(number)
    message = "the text is not UTF-8 and was read as Latin-1; names with accents may look wrong"
    return b"\n".join(mended), [
        place.warning("encoding", message, "Export the file as UTF-8.", bad[0], len(bad)),
    ]
