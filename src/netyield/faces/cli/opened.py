"""Which project does a command speak of? The one named, or the nearest netyield.toml from here upwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netyield.core.errors import WrongUse

if TYPE_CHECKING:
    from netyield.project import Project

FILE_NAME = "netyield.toml"


def locate(path: Path | None) -> Path:
    """The netyield.toml meant. Raises WrongUse when there is none."""
    if path is not None:
        named = path / FILE_NAME if path.is_dir() else path
        if not named.is_file():
            message = f"There is no {FILE_NAME} at {path}."
            raise WrongUse(message, f"Run `netyield init --folder {path}` to make one.")
        return named
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    message = f"There is no {FILE_NAME} in {here} or above it."
    raise WrongUse(message, "Run `netyield init` here, or `netyield demo` to see an example company.")


def open_project(path: Path | None) -> Project:
    """The opened project. Raises WrongUse, ConfigError or StoreError."""
    found = locate(path)
    from netyield.project import Project

    return Project.open(found)
