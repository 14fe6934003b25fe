from __future__ import annotations

from pathlib import Path

import pytest

from netyield.core.errors import SourceError
from netyield.sources.secret import check_reference, read_secret


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "one")
    (tmp_path / "key").write_text("two\n")
    assert read_secret("env:SOME_KEY", tmp_path) == "one"
    assert read_secret("file:key", tmp_path) == "two"
    assert read_secret(f"file:{tmp_path / 'key'}", Path("elsewhere")) == "two"


@pytest.mark.parametrize("reference", ["env:NO_SUCH_KEY_HERE", "file:none"])
def test_a_missing_secret_says_which(tmp_path: Path, reference: str) -> None:
    with pytest.raises(SourceError, match=reference):
        read_secret(reference, tmp_path)


def test_a_literal_secret_is_refused_and_not_repeated() -> None:
    assert check_reference("env:A") == "env:A"
    assert check_reference("") == ""
    for text in ("sk-123", "env:", "file:"):
        with pytest.raises(ValueError, match="never the secret") as refusal:
            check_reference(text)
        assert "sk-123" not in str(refusal.value)
