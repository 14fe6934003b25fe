"""netyield.toml: what is read, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from netyield.config import Config, load, parse
from netyield.core.errors import ConfigError, WrongUse


def test_an_empty_file_is_a_whole_configuration(tmp_path: Path) -> None:
    (tmp_path / "netyield.toml").write_text("")
    config = load(tmp_path / "netyield.toml")
    assert config == Config()
    assert (config.project.timezone, config.capacity.outage_minutes, config.attribution.slot_seconds) == (
        "UTC",
        60,
        300,
    )


def test_every_table_reaches_its_room(tmp_path: Path) -> None:
    (tmp_path / "netyield.toml").write_bytes(
        b'\xef\xbb\xbf[project]\ncurrency = "EUR"\ntimezone = "Europe/Berlin"\n[capacity]\nactive_above = 0.05\n'
        b'[[source]]\ntype = "focus"\npath = "bill.csv"\n[[pool]]\nname = "a"\ntags = {pool = "a"}\n[[scope]]\nscope = "gpu"\nservice = "X*"\n'
        b'[[workload]]\nnamespaces = ["train"]\n[[attestation]]\napp = "x"\nname = "N"\nreason = "r"\nexpires = 2027-01-01\n'
    )
    config = load(tmp_path / "netyield.toml")
    assert (config.project.currency, config.capacity.active_above, config.source[0]["path"]) == (
        "EUR",
        0.05,
        "bill.csv",
    )
    assert (config.pool[0].tags, config.scope[0].service, config.workload[0].kind) == ({"pool": "a"}, "X*", "training")
    assert config.attestation[0].expires.year == 2027


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[projct]\n", r"projct: unknown key\. Did you mean 'project'\?"),
        ("[zzz]\n", "zzz: unknown key. Known keys: project, source"),
        ("[capacity]\nactiv_above = 0.1\n", r"capacity.activ_above: unknown key\. Did you mean 'active_above'\?"),
        (
            '[[pool]]\nname = "a"\n[[pool]]\nname = "b"\ndevice = ["x"]\n',
            r"pool.1.device: unknown key\. Did you mean 'devices'\?",
        ),
        ("[[pool]]\nkind = 'gpu'\n", r"pool.0.name: Field required\. Known keys: name, kind"),
        ("[attribution]\nslot_seconds = 7200\n", "slot_seconds: Input should be less than or equal to 3600"),
        ("[attribution]\nslot_seconds = 420\n", "slot_seconds: .*do not fill an hour"),
        ('[attribution]\nmethod = "magic"\n', "attribution.method: Input should be 'auto'"),
        ('[project]\ncurrency = "dollar"\n', "project.currency"),
        ('[project]\ntimezone = "Mars/Base"\n', "project.timezone.*Mars/Base"),
        ("[source]\ntype = 'focus'\n", "source: Input should be a valid list"),
        ('[[scope]]\nscope = "gpus"\n', "scope.0.scope: Input should be 'gpu'"),
        ("[project\n", "not valid TOML.*Mend that line"),
        ("[project]\nname = Acme\n", "not valid TOML.*quotes"),
    ],
)
def test_a_mistake_is_told_with_its_key_and_what_would_be_right(tmp_path: Path, toml: str, words: str) -> None:
    (tmp_path / "netyield.toml").write_text(toml)
    with pytest.raises(ConfigError, match=words) as caught:
        load(tmp_path / "netyield.toml")
    assert "netyield.toml" in str(caught.value)
    assert isinstance(caught.value, WrongUse)


def test_a_wrong_value_is_not_answered_with_its_own_name() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"capacity": {"active_above": 2}})
    assert "Did you mean" not in str(caught.value)


def test_a_file_that_is_missing_or_not_utf8_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read.*netyield init"):
        load(tmp_path / "netyield.toml")
    (tmp_path / "netyield.toml").write_bytes(b'[project]\nname = "\xff"\n')
    with pytest.raises(ConfigError, match="byte 18 is not UTF-8"):
        load(tmp_path / "netyield.toml")


def test_a_wrong_currency_is_told_in_words() -> None:
    with pytest.raises(ConfigError, match=r"'DOLLARS' is no currency"):
        parse({"project": {"currency": "DOLLARS"}})
