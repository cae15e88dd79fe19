# SPDX-License-Identifier: Apache-2.0
"""The Markdown tables of published results: verdicts by area, readings, and what fails and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, Iterable

from vringer import clauses
from vringer.clauses import Clause
from vringer.expectations import version_tuple
from vringer.scenarios import area_of

Published = dict[str, Any]  # a file of results/
COUNTED = (("pass", ""), ("fail", "F"), ("unconfirmed", "?"), ("advice", "a"), ("inconclusive", "i"))
NOTHING = "-"
LEGEND = """\
A cell counts the scenarios of an area: a plain number passed; **F** failed, and each of them is confirmed a second
way (below); **?** failed and nobody confirmed it so far, so that nothing is claimed; **a** is advice: a *should*,
or what the text leaves open; **i** never reached its point. What does not apply to an implementation is not
counted; a dash says that nothing of the area does."""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    names = list(head)
    return [f"| {' | '.join(names)} |", f"|{'|'.join([' --- '] * len(names))}|",
            *(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows), ""]


def in_order(files: Iterable[Published]) -> list[Published]:
    """By implementation, and there by version."""
    return sorted(files, key=lambda f: (f["implementation"], version_tuple(f["subject"]["version"] or "")))


def _name(file: Published) -> str:
    return f"{file['implementation']} {file['subject']['version'] or ''}".rstrip()


def _area(scenario: str) -> str:
    """The area of a scenario; those for front-ends have theirs in a folder of their own."""
    return area_of(scenario.removeprefix("frontend/"))


def counts(file: Published) -> dict[str, Counter[str]]:
    """How often each verdict was given in each area."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in file["results"]:
        found[_area(row["scenario"])][row["verdict"]] += 1
    return found


def _count(found: Counter[str]) -> str:
    told = [f"{found[verdict]}{mark}" for verdict, mark in COUNTED if found[verdict]]
    return " ".join(told) or NOTHING


def verdicts(files: list[Published]) -> list[str]:
    """Areas down, implementations and versions across."""
    lines = []
    for role, title in (("back-end", "Back-ends"), ("front-end", "Front-ends")):
        group = [file for file in files if file["subject"]["role"] == role]
        if group:
            lines += [f"## {title}", "", *_verdict_table(group)]
    return lines


def _verdict_table(files: list[Published]) -> list[str]:
    counted = [counts(file) for file in files]
    areas = sorted({area for found in counted for area in found if _count(found[area]) != NOTHING})
    rows = [[area, *(_count(found[area]) for found in counted)] for area in areas]
    rows.append(["**all**", *(_count(sum(found.values(), Counter())) for found in counted)])
    return _table(["area", *(_name(file) for file in files)], rows)


def _who(names: Iterable[tuple[str, str]]) -> str:
    """`virtiofsd 1.4.0, 1.6.1; passt 2025.05.03`."""
    versions: dict[str, list[str]] = defaultdict(list)
    for implementation, version in names:
        if version not in versions[implementation]:
            versions[implementation].append(version)
    return "; ".join(f"{name} {', '.join(of)}".rstrip() for name, of in versions.items())


def _disputed(row: Published, registry: clauses.Registry) -> list[Clause]:
    """The clauses of a scenario that the text leaves open."""
    return [c for c in registry.of(row["clauses"]) if c.basis == "inferred" and not c.settled]


def readings(files: list[Published]) -> list[str]:
    """How each implementation reads inferred clauses, and what no clause settles; nothing unconfirmed."""
    registry = clauses.load()
    found: dict[tuple[str, str, str], dict[str, list[tuple[str, str]]]] = {}
    for file in files:
        for row in file["results"]:
            open_ones = _disputed(row, registry)
            if not row["reading"] or row["verdict"] == "unconfirmed" or row["clauses"] and not open_ones:
                continue
            key = ", ".join(c.id for c in open_ones), row["scenario"], row["title"]
            who = found.setdefault(key, {}).setdefault(row["reading"], [])
            who.append((file["implementation"], file["subject"]["version"] or ""))
    rows = [[f"{title} ({clause or 'no clause'}; `{scenario}`)" if first else "", reading, _who(who)]
            for (clause, scenario, title), of in sorted(found.items())
            for first, (reading, who) in ((i == 0, item) for i, item in enumerate(sorted(of.items())))]
    return ["## Readings of what the text leaves open", "",
            *_table(["what", "reading", "implementations"], rows)]


def failures(files: list[Published]) -> list[str]:
    """Every failure with its cause, and how it was confirmed."""
    found: dict[tuple[str, str, str], dict[str, list[tuple[str, str]]]] = {}
    for file in files:
        for row in (r for r in file["results"] if r["verdict"] == "fail"):
            key = row["cause"], row["confirmed"], row.get("url", "")
            who = found.setdefault(key, {}).setdefault(row["scenario"], [])
            who.append((file["implementation"], file["subject"]["version"] or ""))
    rows = []
    for (cause, confirmed, url), of in sorted(found.items()):
        everybody = dict.fromkeys(name for who in of.values() for name in who)
        rows.append([_who(everybody), cause, ", ".join(f"`{name}`" for name in sorted(of)),
                     f"{confirmed}, {url}" if url else confirmed])
    return ["## What fails, and how it was confirmed", "",
            *_table(["implementation", "cause", "scenarios", "confirmed"], rows)]


def matrix(files: Iterable[Published]) -> str:
    """The whole page."""
    ordered = in_order(files)
    suites = sorted({file["suite"][:12] for file in ordered if file["suite"]})
    stamp = f"by vringer at {', '.join(suites)}" if suites else "a draft, published by nobody"
    if suites and any(file["draft"] for file in ordered):
        stamp += "; parts of it are a draft"
    editions = sorted({file["spec"] for file in ordered})
    return "\n".join(["# What implementations do", "",
                      f"Judged by edition {', '.join(editions)} of the spec, {stamp}. "
                      "Written by `vringer matrix` from the files beside it.", "", LEGEND, "",
                      *verdicts(ordered), *readings(ordered), *failures(ordered)])
