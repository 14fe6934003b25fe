"""Composition root: opens netyield.toml, wires the rooms, and answers.

project = Project.open(Path("."))
project.ingest()
project.answer("waterfall", Query())
"""

from netyield.answers.books import Query
from netyield.project.project import Project

__all__ = ["Project", "Query"]
