# SPDX-License-Identifier: Apache-2.0
"""Results as text: lines with a style each, for a terminal, a log or JUnit alike."""

from __future__ import annotations

import os
import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Iterable, Iterator, NamedTuple

from vringer.clauses import Clause
from vringer.events import printable
from vringer.verdict import Result

if TYPE_CHECKING:
    from vringer.plan import Run

CHART_LINES = 14
LOG_LINES = 8
LOG_BYTES = 4096
WIDEST = 140
MOST_NAMES = 10
NOT_UP = "the command has to stay in the foreground and listen at {socket}; start it by hand to " \
    "see it fail,\nsay --connects if it connects instead, and --scale 5 if it is just slow"
STYLES = {"pass": "green", "fail": "bold red", "advice": "yellow", "known": "cyan",
          "n/a": "dim", "inconclusive": "magenta", "error": "bold magenta"}


class Line(NamedTuple):
    """One line and how it looks where there are colours."""

    text: str
    style: str = ""


def plain(lines: Iterable[Line]) -> str:
    return "\n".join(line.text for line in lines)


def kind(result: Result) -> str:
    """The column of the table that it counts in; what was expected is not counted as a pass."""
    if result.verdict in ("pass", "n/a") or result.unexpected:
        return result.verdict
    return "known" if result.expected_verdict == result.verdict else "advice"


def clip(text: str) -> str:
    """@text no wider than anybody reads."""
    return text if len(text) <= WIDEST else text[:WIDEST] + "..."


def told(result: Result) -> str:
    """Why it is no plain pass, in one sentence if possible."""
    play = result.play
    seen = (play.ending,) if play.crashed or play.hung else (result.reading, play.reason)
    parts = (result.surprise, *seen)
    return ": ".join(dict.fromkeys(part for part in parts if part))


def one_line(result: Result, why: str) -> str:
    """A result in one line, with the first line of why it is so."""
    return clip(f"{result.scenario}[{result.subject}]  {why}".partition("\n")[0].rstrip())


def headline(result: Result) -> Line:
    """One line a scenario, as a log shows it."""
    style = STYLES["fail"] if result.unexpected else STYLES[kind(result)]
    return Line(f"{kind(result):<12} {one_line(result, told(result))}", style)


def essential(lines: Iterable[str]) -> Iterator[str]:
    """A chart without the messages that only make sure of something."""
    fencing = False
    for line in lines:
        said = line.lstrip(" .0123456789")
        if said.startswith("require ") or fencing and said[2:].startswith(" GET_FEATURES"):
            continue
        fencing = said.startswith("fence")
        yield line


def _chart(result: Result) -> list[Line]:
    messages = f"\n{result.play.chart}".partition("\n\n")[0]  # what follows is told below
    lines = list(essential(messages.strip("\n").split("\n"))) if messages else []
    cut = len(lines) - CHART_LINES
    head = [Line(f"  ... {cut} lines before", "dim")] if cut > 0 else []
    return head + [Line(f"  {clip(text)}") for text in lines[-CHART_LINES:]]


def _labelled(label: str, text: str, style: str = "") -> list[Line]:
    """`label  text`, further lines of the text below its first."""
    return [Line(f"  {label if i == 0 else '':<9} {clip(part)}", style)
            for i, part in enumerate(text.rstrip("\n").split("\n"))] if text else []


def _clause(clause: Clause) -> list[Line]:
    binding = clause.basis + (", settled by the record" if clause.settled else "")
    return [*_labelled("clause", f"{clause.id} ({clause.level}, {binding})"),
            *_labelled("", textwrap.fill(clause.text, WIDEST)),
            *_labelled("spec", f"{clause.section}, since {clause.since}: {clause.link}")]


def _last_words(result: Result) -> str:
    """The end of the subject's own log, when it went away or never came up."""
    play = result.play
    if play.ending == "clean" and play.came_up or "subject" not in play.evidence:
        return ""
    try:
        with Path(play.evidence["subject"]).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_BYTES))
            text = printable(log.read().decode(errors="replace"))
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-LOG_LINES:])


def _ending(result: Result) -> str:
    play = result.play
    left = [f"{play.fds_left} descriptors more than before"] if play.fds_left > 0 else []
    return ", ".join([play.ending, *left])


def _place(result: Result) -> str:
    """The line of the scenario, by the shorter of its names."""
    file, line = result.play.file, result.play.line
    return f"{min(file, os.path.relpath(file), key=len)}:{line}" if file and line else ""


def rerun(results: Iterable[Result], run: Run) -> str:
    """The command that plays these again, and nothing else; by --lf if they are many."""
    chosen = list(results)
    names = {r.subject for r in chosen}
    words = ["vringer", "run"]
    for subject, lane in zip(run.plan.subjects, run.lanes):
        if lane.name in names:
            words += subject.words
    scenarios = list(dict.fromkeys(r.scenario for r in chosen if r.scenario != "start"))
    which = scenarios if len(scenarios) <= MOST_NAMES else [*run.plan.where, "--lf"]
    return shlex.join([*words, *run.plan.words, *which])


def failure(result: Result, run: Run) -> list[Line]:
    """All that a person needs who has to believe a failure."""
    play = result.play
    title = f"{result.verdict.upper()} {result.scenario}[{result.subject}]"
    lines = [Line(title, STYLES.get(result.verdict, "bold red")), Line(f"  {result.title}"),
             *_chart(result)]
    lines += _labelled("expected", play.expected, "green")
    lines += _labelled("actual", play.actual or ("nothing" if play.expected else ""), "red")
    lines += _labelled("at", _place(result))
    lines += _labelled("reason", play.reason if play.reason != play.actual else "")
    lines += _labelled("cure", "" if play.came_up or result.verdict == "error" else NOT_UP)
    lines += _labelled("waits", play.waits, "bold red")
    lines += _labelled("reading", result.reading)
    for clause in run.registry.of(result.concerned):
        lines += _clause(clause)
    lines += _labelled("ending", _ending(result) if result.verdict != "error" else "")
    lines += _labelled("threads", "\n".join(line.strip() for line in play.threads), "bold red")
    lines += _labelled("it said", _last_words(result), "dim")
    lines += _labelled("but", result.surprise if result.expected_verdict != "pass" else "")
    for note in play.notes:
        lines += _labelled("note", note)
    return lines + _labelled("evidence", next(
        (str(Path(p).parent) for p in play.evidence.values()), ""))


def properties(result: Result) -> list[tuple[str, object]]:
    """What JUnit shows beside the outcome."""
    play = result.play
    told = {"verdict": result.verdict, "clauses": " ".join(result.checks),
            "violated": " ".join(play.violated), "level": result.level,
            "reading": result.reading, "ending": play.ending,
            "evidence": play.evidence.get("chart", "")}
    return [(f"vringer.{name}", value) for name, value in told.items() if value]
