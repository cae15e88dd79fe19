# SPDX-License-Identifier: Apache-2.0
"""`vringer list`: what there is. The --json forms are stable; keys are only added."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from typing import Any, Callable

from vringer import candidates, clauses, lab, places, scenarios
from vringer.errors import HarnessError, UsageError
from vringer.summary import Exit
from vringer.verdict import LEVELS

LIST_SECONDS = 20
FEW = 3
Row = dict[str, Any]


def devices() -> list[str]:
    """Device types that the player knows how to probe."""
    try:
        done = subprocess.run([str(places.player()), "--list-devices"], capture_output=True,
                              timeout=LIST_SECONDS, text=True, check=True, errors="replace",
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        raise HarnessError(f"vu-frontend --list-devices: {error}", "run: make") from error
    return [line.split()[0] for line in done.stdout.splitlines() if line.split()]


def scenario_rows() -> list[Row]:
    return [{"id": s.id, "title": s.title, "subject": s.subject, "version": s.version,
             "checks": list(s.checks), "needs": list(s.needs), "device": list(s.device),
             "since": s.since or None, "until": s.until or None, "tentative": s.tentative or None,
             "window": s.window or None, "draft": s.draft or None, "alias": list(s.alias),
             "error": s.error or None, "path": str(s.path)} for s in scenarios.load()]


def clause_rows() -> list[Row]:
    registry = clauses.load()
    users: dict[str, list[str]] = defaultdict(list)
    for scenario in scenarios.load():
        for clause_id in scenario.checks:
            users[clause_id].append(scenario.id)
    return [{"id": c.id, "area": c.area, "role": c.role, "level": c.level, "basis": c.basis,
             "status": c.status, "since": c.since, "until": c.until or None,
             "settled": c.settled or None, "scenarios": users[c.id],
             "uncovered": None if users[c.id] else registry.uncovered_reason(c.id) or None}
            for c in registry.clauses.values()]


def _candidate_row(name: str) -> Row:
    try:
        candidate = lab.named(name)
    except UsageError as error:
        return {"name": name, "title": "", "role": "", "device": "", "version": None,
                "error": str(error)}
    trouble = candidates.missing(candidate)
    return {"name": name, "title": candidate.title, "role": candidate.role,
            "device": candidate.device,
            "version": None if trouble else candidates.version(candidate) or None,
            "error": str(trouble) if trouble else None}


def candidate_rows() -> list[Row]:
    return [_candidate_row(name) for name in (*candidates.files(), *lab.present())]


def device_rows() -> list[Row]:
    return [{"name": name} for name in devices()]


def _columns(rows: list[Row], *names: str) -> list[str]:
    """Lines with the fields @names in columns, the last as long as it is."""
    wide = [max((len(str(r[n] or "-")) for r in rows), default=0) for n in names[:-1]]
    return ["  ".join([*(f"{str(r[n] or '-'):<{w}}" for n, w in zip(names, wide)),
                       str(r[names[-1]] or "")]).rstrip() for r in rows]


def _clause_lines(rows: list[Row]) -> list[str]:
    """Clauses with the scenarios that check them, and why some have none."""
    for row in rows:
        reason = row["uncovered"] or "nobody wrote one so far"
        row["told"] = _some(row["scenarios"]) or f"no scenario: {reason}"
    return [*_columns(rows, "id", "role", "level", "status", "told"), "", *_coverage(rows)]


def _some(names: list[str]) -> str:
    """The first few of @names."""
    rest = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + rest


def _coverage(rows: list[Row]) -> list[str]:
    """How many clauses of the spec have a scenario; what binds both sides counts for each."""
    lines = [f"{'with a scenario':<17}" + "".join(f"{level:>10}" for level in LEVELS)]
    for side in ("back-end", "front-end"):
        mine = [r for r in rows if r["role"] in (side, "both") and r["status"] == "current"]
        cells = [f"{sum(bool(r['scenarios']) for r in of)}/{len(of)}" for of in
                 ([r for r in mine if r["level"] == level] for level in LEVELS)]
        lines.append(f"  {side:<15}" + "".join(f"{cell:>10}" for cell in cells))
    covered = sum(bool(row["scenarios"]) for row in rows)
    return [*lines, "", f"{len(rows)} clauses, drafts among them; {covered} with a scenario"]


def _scenario_lines(rows: list[Row]) -> list[str]:
    for row in rows:
        row["told"] = (row["error"] or row["title"]).partition("\n")[0]
    windows = sum(bool(row["window"]) for row in rows)
    return [*_columns(rows, "id", "told"), "",
            f"{len(rows)} scenarios, {windows} with a window of time"]


def _candidate_lines(rows: list[Row]) -> list[str]:
    for row in rows:
        row["told"] = (row["error"] or row["title"]).replace("\n", ";")
    return _columns(rows, "name", "role", "device", "version", "told")


LISTS: dict[str, tuple[Callable[[], list[Row]], Callable[[list[Row]], list[str]]]] = {
    "scenarios": (scenario_rows, _scenario_lines),
    "clauses": (clause_rows, _clause_lines),
    "candidates": (candidate_rows, _candidate_lines),
    "devices": (device_rows, lambda rows: [row["name"] for row in rows]),
}


def show(what: str, as_json: bool) -> int:
    """Print one of LISTS."""
    rows, lines = LISTS[what]
    found = rows()
    print(json.dumps(found, indent=1) if as_json else "\n".join(lines(found)))
    return Exit.EXPECTED
