# SPDX-License-Identifier: Apache-2.0
"""The lab's own test: every known bug is caught by name where it is, and absent where it was fixed.

Plays what fixtures/lab/bugs.toml asks for against the candidates of the lab and prints a table. What is not
in the lab is left out with a word; exit status 1 says that a bug was not seen as it is known, 3 that
nothing could be looked at.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from vringer import bugs, lab
from vringer.bugs import Bug, Finding, Row
from vringer.errors import UsageError

RUN_SECONDS = 900
MOST_PLAYS = 3  # of what should show a bug and did not: some are races
AS_KNOWN, OTHERWISE, NOTHING = 0, 1, 3


def play(vringer: str, candidate: str, scenarios: list[str], folder: Path) -> list[Row]:
    """The results of @scenarios against @candidate."""
    file = folder / f"{candidate.replace('/', '-')}.json"
    option = "--frontend" if lab.named(candidate).role == "front-end" else "--backend"
    done = subprocess.run([vringer, "run", "-q", option, candidate, "--json", str(file),
                           "--output", str(folder / "run"), *scenarios], check=False,
                          capture_output=True, text=True, timeout=RUN_SECONDS,
                          stdin=subprocess.DEVNULL)
    if not file.is_file():
        raise UsageError(f"{candidate} was not judged: {done.stderr.strip() or done.stdout.strip()}")
    rows: list[Row] = json.loads(file.read_text(encoding="utf-8"))["results"]
    return rows


def play_all(vringer: str, plays: dict[str, list[str]]) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="vringer-bugs-") as folder:
        for number, (name, scenarios) in enumerate(plays.items(), 1):
            print(f"[{number}/{len(plays)}] {name}: {len(scenarios)} scenarios", file=sys.stderr)
            rows += play(vringer, name, scenarios, Path(folder))
    return rows


def look(vringer: str, known: list[Bug], there: set[str]) -> list[Finding]:
    """What there is to see of @known; a bug that was not caught gets another chance to show itself."""
    rows = play_all(vringer, {name: ids for name, ids in bugs.wanted(known).items() if name in there})
    for _ in range(1, MOST_PLAYS):
        missed = [f for f in bugs.findings(known, rows) if f.row and f.has_it and not f.as_known]
        again: dict[str, list[str]] = {}
        for finding in missed:
            again.setdefault(finding.candidate, []).append(finding.bug.scenario)
        for row in play_all(vringer, again):
            caught = [f for f in missed if f.candidate == row["subject"] and f.bug.shows_in(row)]
            rows = [r for r in rows if not caught or r["scenario"] != row["scenario"]
                    or r["subject"] != row["subject"]] + ([row] if caught else [])
    return bugs.findings(known, rows)


def lines(findings: list[Finding]) -> list[str]:
    """The table: a line for each bug and candidate."""
    table = [(f.bug.id, f.candidate.removeprefix(lab.PREFIX), "has it" if f.has_it else "fixed",
              "-" if not f.row else "as known" if f.as_known else "NOT AS KNOWN", f.bug.scenario,
              f.told) for f in findings]
    wide = [max(len(row[i]) for row in table) for i in range(5)]
    return ["  ".join([*(f"{cell:<{w}}" for cell, w in zip(row, wide)), row[5]]) for row in table]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vringer", default="vringer", help="the command to play with")
    parser.add_argument("bug", nargs="*", help="ids of bugs; default: all")
    args = parser.parse_args()
    known = [bug for bug in bugs.load() if not args.bug or bug.id in args.bug]
    there = set(lab.present())
    if not there & bugs.wanted(known).keys():
        print(f"nothing of what is asked for is in {lab.folder()}: make lab", file=sys.stderr)
        return NOTHING
    found = look(args.vringer, known, there)
    print("\n".join(lines(found)))
    print("".join(f"\n{bug.id} is left out: {bug.why}" for bug in bugs.left_out()))
    looked_at = [f for f in found if f.row]
    wrong = [f for f in looked_at if not f.as_known]
    print(f"\n{len(known)} bugs, {len(looked_at)} releases looked at: {len(wrong)} not as known; "
          f"{len(found) - len(looked_at)} releases are not in the lab")
    return OTHERWISE if wrong else AS_KNOWN


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UsageError as trouble:
        sys.exit(f"known_bugs: {trouble}")
