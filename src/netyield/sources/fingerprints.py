"""Fingerprints of a prompt's blocks: equal where the whole text up to and with the block is equal, unreadable otherwise.

    h(0) = 8 zero bytes;  h(i) = blake2b(h(i-1) || block i, key = secret, 8 bytes)

Without the secret nobody can test a guessed text against a fingerprint, so the text can be dropped at the edge. The
secret comes by reference (``env:`` or ``file:``), and block size and tokenizer are mixed into the key, so that
fingerprints made with other settings never look equal by chance.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from netyield.core.errors import WrongUse

BYTES_PER_TOKEN = 4  # of the approximate tokenizer; English text is near 4.2, source code near 3.5
APPROXIMATE = re.compile(r"approximate(?::(\d+))?")
ZERO = bytes(8)


class Tokenizer(Protocol):
    """Cuts text into blocks of a number of tokens."""

    name: str

    def blocks(self, text: str, size: int) -> tuple[int, list[bytes]]:
        """How many tokens the text has, and the bytes that stand for each block of ``size`` of them."""
        ...


class Approximate:
    """So many bytes of UTF-8 are one token: no vocabulary needed, block borders right to a few per cent."""

    def __init__(self, bytes_per_token: int = BYTES_PER_TOKEN) -> None:
        self.bytes_per_token = bytes_per_token
        self.name = f"approximate:{bytes_per_token}"

    def blocks(self, text: str, size: int) -> tuple[int, list[bytes]]:
        """See ``Tokenizer``."""
        data = text.encode("utf-8", "surrogatepass")
        step = size * self.bytes_per_token
        return -(-len(data) // self.bytes_per_token), [data[at : at + step] for at in range(0, len(data), step)]


class FromFile:
    """A ``tokenizer.json`` as model makers publish it, read with the tokenizers library; nothing is fetched."""

    def __init__(self, path: Path) -> None:
        try:
            from tokenizers import Tokenizer as Loaded
        except ImportError as error:
            message = "reading a tokenizer.json needs the tokenizers library;"
            raise WrongUse(message, 'run: pip install "netyield[tokenizers]"') from error
        try:
            text = path.expanduser().read_text(encoding="utf-8")
            self._loaded = Loaded.from_str(text)
        except Exception as error:  # the library raises bare Exception for a file it cannot read
            message = f"the tokenizer {str(path)!r} cannot be read ({error});"
            raise WrongUse(message, "give the path of a tokenizer.json.") from error
        self.name = f"file:{path.name}:{blake2b(text.encode(), digest_size=4).hexdigest()}"

    def blocks(self, text: str, size: int) -> tuple[int, list[bytes]]:
        """See ``Tokenizer``."""
        return token_blocks(self._loaded.encode(text, add_special_tokens=False).ids, size)


def token_blocks(tokens: Sequence[int], size: int) -> tuple[int, list[bytes]]:
    """Blocks of token numbers that are known already."""
    numbers = np.asarray(tokens, np.int64)
    return len(numbers), [numbers[at : at + size].tobytes() for at in range(0, len(numbers), size)]


def tokenizer_named(name: str) -> Tokenizer:
    """``approximate`` (4 bytes a token), ``approximate:BYTES`` or ``file:PATH`` of a tokenizer.json."""
    if name.startswith("file:"):
        return FromFile(Path(name.removeprefix("file:")))
    found = APPROXIMATE.fullmatch(name)
    if not found or found[1] == "0":
        message = f"{name!r} is no tokenizer;"
        raise WrongUse(message, "give approximate, approximate:BYTES_PER_TOKEN or file:PATH of a tokenizer.json.")
    return Approximate(int(found[1] or BYTES_PER_TOKEN))


class Fingerprints:
    """Makes the fingerprints of prompts under one secret, block size and tokenizer."""

    def __init__(self, secret: bytes, block_size: int, tokenizer: Tokenizer) -> None:
        if not secret:
            message = "fingerprints need a secret;"
            raise WrongUse(message, "name one as env:NAME or file:/path.")
        setting = f"\0{block_size}\0{tokenizer.name}".encode()
        self._key = blake2b(secret + setting, digest_size=32, person=b"netyield-prefix").digest()
        self.block_size = block_size
        self.tokenizer = tokenizer

    def of_text(self, text: str) -> tuple[int, list[int]]:
        """Tokens of a prompt, and the fingerprint of each of its blocks."""
        tokens, blocks = self.tokenizer.blocks(text, self.block_size)
        return tokens, self._chain(blocks)

    def of_tokens(self, tokens: Sequence[int]) -> tuple[int, list[int]]:
        """The same of a prompt whose token numbers are known."""
        count, blocks = token_blocks(tokens, self.block_size)
        return count, self._chain(blocks)

    def _chain(self, blocks: list[bytes]) -> list[int]:
        before, found = ZERO, []
        for block in blocks:
            before = blake2b(before + block, key=self._key, digest_size=8).digest()
            found.append(int.from_bytes(before, "little", signed=True))
        return found


def prompt_text(record: dict[str, Any]) -> str | None:
    """The prompt of one call in the order an engine reads it: tools, system, messages; None when there is none.

    Understood: ``messages`` and ``input`` (chat), ``prompt`` and ``text`` (plain). A longer conversation begins with
    the text of the shorter one it continues, so that what engines share is shared here.
    """
    for name in ("messages", "input", "prompt", "text"):
        value = record.get(name)
        if isinstance(value, str) and value:
            return _before(record) + value
        if isinstance(value, list) and value and not isinstance(value[0], int):
            return _before(record) + "".join(_message(one) for one in value)
    return None


def prompt_tokens(record: dict[str, Any]) -> list[int] | None:
    """Token numbers of the prompt where the log has them: ``prompt_token_ids``, ``token_ids`` or a list as prompt."""
    for name in ("prompt_token_ids", "token_ids", "prompt"):
        value = record.get(name)
        if isinstance(value, list) and value and all(type(one) is int for one in value):
            return value
    return None


def _before(record: dict[str, Any]) -> str:
    parts = [record[name] for name in ("tools", "system", "instructions") if record.get(name)]
    return "".join(f"\0{_text(part)}\n" for part in parts)


def _message(message: Any) -> str:
    if not isinstance(message, dict):
        return f"{_text(message)}\n"
    rest = {key: value for key, value in message.items() if key not in ("role", "content") and value is not None}
    extra = _text(rest) if rest else ""
    return f"\0{message.get('role', '')}\n{_text(message.get('content'))}{extra}\n"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_text(one) for one in value)
    if isinstance(value, dict) and isinstance(value.get("text"), str) and value.get("type", "text") == "text":
        return str(value["text"])
    return "" if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
