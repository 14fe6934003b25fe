"""How do the answers become one file a CFO can open? HTML with its styles, its data and its drawing script inside.

It asks the network for nothing, from disk or from a server: a content-security policy forbids it, and names the
hash of each script and style in it. Without JavaScript every table is there. Everything that came from data is
escaped by the template; data inside scripts is JSON whose ``<``, ``>`` and ``&`` are escaped too.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from netyield import __version__
from netyield.answers.answer import Answer
from netyield.charts import formats, render, theme
from netyield.core.finding import Finding, aggregate
from netyield.core.period import iso
from netyield.faces.headline import WITH_OUTCOMES as KEY_FIGURES
from netyield.faces.headline import figures
from netyield.faces.report.blocks import blocks
from netyield.faces.report.terms import BASES, EVIDENCE, TERMS

FINDINGS_LIMIT = 200


@dataclass(frozen=True)
class Volume:
    """A small table of volumes: GPU-hours by state, tokens by class, tokens by verdict."""

    title: str
    unit: str
    rows: tuple[tuple[str, str], ...]


def page(answers: Sequence[Answer], *, project: str = "", filters: Sequence[str] = (), about: Sequence[str] = ()) -> str:
    """The whole file. ``answers``: the leading one first; ``filters``: the words to repeat in explain commands.

    ``about`` names what the answers speak of when that is no project: no books, no bill, no basis.
    """
    lead = answers[0]
    style, script = _asset("report.css"), _asset("report.js")
    parts = blocks(answers)
    library = render.bundle() if any(part.figures for part in parts) else ""
    findings = _findings(answers)
    environment = _environment()
    return environment.get_template("report.html.j2").render(
        lead=lead,
        project=project,
        version=__version__,
        about=list(about),
        window=" · ".join(about) if about else formats.window(lead.window),
        as_of="" if about else formats.minute(lead.as_of),
        basis=BASES.get(lead.basis, lead.basis),
        figures=figures(lead),
        blocks=parts,
        volumes=_volumes(lead.body),
        findings=findings[:FINDINGS_LIMIT],
        findings_total=len(findings),
        caveats=list(dict.fromkeys(caveat for answer in answers for caveat in answer.caveats)),
        explain=_explaining(lead, filters),
        explained=[f"headline/{key}" for key in lead.headline if key in KEY_FIGURES],
        fills=theme.FILLS,
        evidence=EVIDENCE,
        terms=TERMS,
        style=Markup(style),
        script=Markup(script),
        library=Markup(library),
        policy=_policy(style, [library, script] if library else [script]),
    )


def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("netyield.faces.report", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.undefined = jinja2.StrictUndefined
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "allow_nan": False, "separators": (",", ":")}
    environment.filters["count"] = formats.count
    return environment


def _asset(name: str) -> str:
    return resources.files("netyield.faces.report").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, scripts: Sequence[str]) -> str:
    """The content-security policy: nothing from outside, and only the scripts and the style of this file."""
    allowed = " ".join(_hash(script) for script in scripts)
    return f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _explaining(lead: Answer, filters: Sequence[str]) -> Callable[..., str]:
    """Makes the ``netyield explain`` command of a figure: the same window and filters, safe to paste into a shell."""
    window = ("--since", iso(lead.window.since), "--until", iso(lead.window.until))

    def command(figure: str, by: str = "") -> str:
        dimension = ("--by", by) if by else ()
        return shlex.join(["netyield", "explain", figure, *dimension, *window, *filters])

    return command


def _findings(answers: Sequence[Answer]) -> list[Finding]:
    unique = dict.fromkeys(finding for answer in answers for finding in answer.findings)
    return aggregate(unique)


def _volumes(body: Mapping[str, Any]) -> list[Volume]:
    usage = body.get("usage") or {}
    wanted = (
        ("GPU-hours by state", "GPU-hours", "gpu_hours_by_state", formats.hours),
        ("Tokens by class", "tokens", "tokens_by_class", formats.count),
        ("Output tokens by verdict", "tokens", "tokens_by_verdict", formats.count),
    )
    return [
        Volume(
            title,
            unit,
            tuple((formats.spaced(name).replace(".", ": "), write(value)) for name, value in usage[key].items()),
        )
        for title, unit, key, write in wanted
        if usage.get(key)
    ]
