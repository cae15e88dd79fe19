# SPDX-License-Identifier: Apache-2.0
"""What a run comes to: the table by area, the failures with the hangs first, the exit code."""

from __future__ import annotations

import textwrap
from collections import Counter
from enum import IntEnum

from vringer import expectations, render, scenarios
from vringer.plan import Lane, Run
from vringer.render import Line
from vringer.verdict import Result

KINDS = ("pass", "fail", "advice", "known", "n/a", "inconclusive", "error")
COLUMNS = (*KINDS, "unexpected")
SHORT = 100


class Exit(IntEnum):
    """Exit codes of `vringer`."""

    EXPECTED = 0
    SURPRISE = 1
    USAGE = 2
    NOTHING_RAN = 3
    HARNESS = 4


def stale(run: Run) -> list[str]:
    """Expectations that no scenario of the suite answers to."""
    if not any(lane.candidate.expect for lane in run.lanes):
        return []
    suite = scenarios.load()
    return [f"{lane.candidate.path}: no scenario is called {entry.scenario!r}"
            for lane in run.lanes for entry in expectations.unmatched(lane.candidate.expect, suite)]


def in_order(results: list[Result]) -> list[Result]:
    """The hangs first, then the crashes, then by name."""
    return sorted(results, key=lambda r: (not r.play.hung, not r.play.crashed, r.subject,
                                          r.scenario))


def worth_showing(results: list[Result]) -> list[Result]:
    """Surprises with something to see; for a subject that never came up only the first of them.

    What passes or does not apply although something else was expected is only named.
    """
    chosen, absent = [], set()
    surprises = [r for r in results if r.unexpected and r.verdict not in ("pass", "n/a")]
    for result in in_order(surprises):
        if result.play.came_up or result.subject not in absent:
            chosen.append(result)
        absent |= set() if result.play.came_up else {result.subject}
    return chosen


def exit_code(results: list[Result], stale_entries: list[str], interrupted: bool) -> Exit:
    """A surprise of the subject's weighs more than one of ours: it is what a CI asks about."""
    surprises = [r for r in results if r.unexpected]
    if interrupted:
        return Exit.HARNESS
    if any(r.verdict != "error" for r in surprises) or stale_entries:
        return Exit.SURPRISE
    if surprises:
        return Exit.HARNESS
    judged = [r for r in results if r.verdict != "n/a" or r.expected_verdict == "n/a"]
    return Exit.EXPECTED if judged else Exit.NOTHING_RAN


def _cells(name: str, counts: Counter[str]) -> str:
    return f"  {name:<12}" + "".join(f"{counts[k] or '.':>{len(k) + 3}}" for k in COLUMNS)


def _smooth(counts: Counter[str]) -> bool:
    """Whether an area has nothing to see: what it lacks was declared, and the rest passed."""
    return not counts["unexpected"] and counts["pass"] + counts["n/a"] == counts.total()


def _in_short(areas: dict[str, Counter[str]]) -> list[Line]:
    """The areas that passed, in a few lines."""
    names = [f"{name} {counts['pass']}" for name, counts in areas.items() if counts["pass"]]
    text = textwrap.fill(", ".join(names), SHORT, initial_indent="  passed       ",
                         subsequent_indent=" " * 15)
    return [Line(line, "green") for line in text.split("\n")] if names else []


def _lacks(results: list[Result]) -> list[Line]:
    """How many scenarios were n/a as declared, and what is lacked."""
    wants = Counter(r.pinned for r in results if r.verdict == "n/a" and not r.unexpected)
    names = [f"{n} {why or 'nothing declared'}" for why, n in wants.most_common()]
    text = textwrap.fill("; ".join(names), SHORT, initial_indent="  n/a          ",
                         subsequent_indent=" " * 15)
    return [Line(line, "dim") for line in text.split("\n")] if names else []


def table(results: list[Result], lane: Lane, whole: bool = False) -> list[Line]:
    """Counts by area for one subject; unless @whole, areas with nothing to see are kept short."""
    mine = [r for r in results if r.subject == lane.name]
    areas: dict[str, Counter[str]] = {}
    for result in sorted(mine, key=lambda r: r.scenario):
        counts = areas.setdefault(result.area, Counter())
        counts[render.kind(result)] += 1
        counts["unexpected"] += result.unexpected
    head = f"{lane.name} {lane.version}".rstrip()
    lines = [Line(head, "bold"), Line(f"  {'area':<12}" + "".join(f"   {k}" for k in COLUMNS))]
    smooth = {} if whole else {a: counts for a, counts in areas.items() if _smooth(counts)}
    for area, counts in areas.items():
        if area not in smooth:
            lines.append(Line(_cells(area, counts), "red" if counts["unexpected"] else ""))
    total = sum(areas.values(), Counter[str]())
    lines.append(Line(_cells("all", total), "bold"))
    return [*lines, *_in_short(smooth), *_lacks(mine), Line("")]


def remarks(results: list[Result], lane: Lane) -> list[Line]:
    """What makes no run red and is told all the same: what is known of a subject, and advice."""
    lines = []
    for kind in ("known", "advice"):
        reasons: dict[str, list[str]] = {}
        for result in in_order([r for r in results if r.subject == lane.name]):
            if render.kind(result) == kind:
                why = result.pinned or result.reading or result.play.reason
                reasons.setdefault(why.partition("\n")[0], []).append(result.scenario)
        lines += [Line(render.clip(f"  {kind:<7} {why}: {', '.join(names)}"), render.STYLES[kind])
                  for why, names in reasons.items()]
    return [*lines, Line("")] if lines else []


def verdict_line(results: list[Result], code: Exit, seconds: float) -> Line:
    """The last line: whether all was as expected."""
    surprises = sum(r.unexpected for r in results)
    counts = Counter(render.kind(r) for r in results)
    told = ", ".join(f"{counts[k]} {k}" for k in KINDS if counts[k]) or "nothing ran"
    meaning = {Exit.EXPECTED: "all as expected", Exit.NOTHING_RAN: "nothing was judged",
               Exit.SURPRISE: f"{surprises} not as expected", Exit.USAGE: "wrong usage",
               Exit.HARNESS: "not everything could be judged"}[code]
    style = "bold green" if code == Exit.EXPECTED else "bold red"
    return Line(f"{meaning}: {told} in {seconds:.1f} s", style)


def closing(results: list[Result], run: Run) -> list[Line]:
    """The surprises by name and the command that repeats just those."""
    surprises = in_order([r for r in results if r.unexpected])
    if not surprises:
        return []
    names = [Line(f"  {render.one_line(r, render.told(r))}", "red") for r in surprises]
    return [Line("not as expected", "bold"), *names,
            Line(f"  again: {render.rerun(surprises, run)}"), Line("")]
