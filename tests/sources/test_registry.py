"""Sources by their type: those shipped, those somebody else installs, and words that name none."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest

from netyield.core.errors import ConfigError
from netyield.sources import registry
from netyield.sources.contract import Cursor, Delivery, Probe, Source, SourceSettings


class Plugin:
    """A source of another package."""

    type: ClassVar[str] = "plugin"

    class Settings(SourceSettings):
        """Its settings."""

        path: str
        rows: int = 1

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings, self.root = settings, root

    def probe(self) -> Probe:
        return Probe("", None, (), ())

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        yield from ()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three plug-ins: one that works, one whose module is missing, one whose class is."""
    words = {"plugin": f"{__name__}:Plugin", "gone": "no_such_module:Source", "renamed": f"{__name__}:Other"}
    found = [EntryPoint(name, value, registry.GROUP) for name, value in words.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: found if group == registry.GROUP else [])
    monkeypatch.setattr(registry, "known_types", registry.known_types.__wrapped__)


def build(**options: Any) -> Source:
    return registry.build(options, Path("/project"))


def test_every_shipped_source_loads_and_is_called_by_its_own_type() -> None:
    shipped = registry.entry_points(group=registry.GROUP)
    assert {entry.name for entry in shipped} >= {
        "focus",
        "rate_card",
        "prometheus",
        "gpu_csv",
        "capacity_csv",
        "requests",
        "litellm",
        "outcomes",
        "prices",
        "fx",
    }
    for entry in shipped:
        found = entry.load()
        assert found.type == entry.name
        assert issubclass(found.Settings, SourceSettings)
    assert list(registry.known_types()) == sorted(entry.name for entry in shipped)


@pytest.mark.usefixtures("installed")
def test_a_plug_in_is_built_from_its_table_and_the_projects_folder() -> None:
    made = build(type="plugin", name="mine", path="x.csv")
    assert isinstance(made, Plugin)
    assert (made.settings.path, made.settings.rows, made.settings.name, made.root) == (
        "x.csv",
        1,
        "mine",
        Path("/project"),
    )


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"type": "plugn", "path": "x"}, r"'plugn' is not known.*Did you mean 'plugin'\?"),
        ({"type": "zzz"}, "is not known.*Known types: gone, plugin, renamed"),
        ({}, "None is not known"),
        ({"type": "gone"}, "no_such_module.*cannot be loaded.*Install"),
        ({"type": "renamed"}, "cannot be loaded"),
        ({"type": "plugin", "name": "mine", "pth": "x", "path": "y"}, r"mine: key 'pth'.*Did you mean 'path'\?"),
        ({"type": "plugin"}, "plugin: key 'path': Field required.*Keys of this source: .*path"),
        (
            {"type": "plugin", "path": "x", "rows": "many"},
            "key 'rows': Input should be a valid integer.*Keys of this source",
        ),
    ],
)
def test_a_wrong_word_names_the_key_and_the_nearest_known_one(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build(**options)
