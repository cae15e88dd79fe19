# SPDX-License-Identifier: Apache-2.0
"""Judges a candidate several times over: each run has to come to the same."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import measure

Outcome = tuple[str, ...]


def outcome(result: dict[str, Any]) -> Outcome:
    """What has to be the same. When it is that a connection ends behind a failure may differ."""
    ended_badly = result["ending"].startswith(("crashed", "hung"))
    return (result["verdict"], result["reading"] or "", " ".join(result["violated"]),
            result["ending"] if ended_badly else "")


def outcomes(candidate: str, folder: Path) -> dict[str, Outcome]:
    """What one run said of each scenario."""
    verdicts = folder / "verdicts.json"
    command = [str(measure.VRINGER), "run", "--backend", candidate, "-q", "--output", str(folder),
               "--json", str(verdicts)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    content = json.loads(verdicts.read_text(encoding="utf-8"))
    if not content["complete"]:
        sys.exit(f"a run was not complete:\n{shown}")
    return {result["scenario"]: outcome(result) for result in content["results"]}


def main(candidate: str, runs: int) -> int:
    seen: dict[str, Counter[Outcome]] = defaultdict(Counter)
    for number in range(1, runs + 1):
        with tempfile.TemporaryDirectory(prefix="vringer-") as folder:
            for scenario, came_of_it in outcomes(candidate, Path(folder)).items():
                seen[scenario][came_of_it] += 1
        unstable = {name: counts for name, counts in sorted(seen.items()) if len(counts) > 1}
        print(f"run {number} of {runs}: {len(seen)} scenarios, {len(unstable)} not always the same",
              flush=True)
    for name, counts in unstable.items():
        print(name)
        for came_of_it, times in counts.most_common():
            print(f"  {times} x {', '.join(filter(None, came_of_it))}")
    return bool(unstable)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
