# SPDX-License-Identifier: Apache-2.0
"""
The whole run against one candidate, as anybody runs it, against the time that its subjects took to start;
how much of it waits for what never comes; windows of time.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import measure

SUBJECT = "qemu-storage-daemon"
RUN_LIMIT, WINDOWS_LIMIT = 1.5, 10
JOBS = len(os.sched_getaffinity(0)) + 1  # what `vringer run` plays at a time
WAITED = 1.0  # seconds: nothing takes so long but a deadline
WINDOWS = {"idle", "silence"}


def run() -> None:
    """Red or not: what counts here is the time."""
    with tempfile.TemporaryDirectory(prefix="vringer-") as folder:
        verdicts = Path(folder) / "verdicts.json"
        begun = time.monotonic()
        subprocess.run([measure.VRINGER, "run", "--backend", SUBJECT, "-q", "--output", folder,
                        "--json", verdicts], stdout=subprocess.DEVNULL, check=False)
        wall = time.monotonic() - begun
        results = json.loads(verdicts.read_text(encoding="utf-8"))["results"]
    starting = sum(result["started_ns"] for result in results) / 1e9
    played = [result["played_ns"] / 1e9 for result in results]
    print(f"run-scenarios {len(results)}")
    print(f"run-wall-s {wall:.1f}")
    print(f"run-subjects-starting-s {starting:.1f}")
    print(f"run-playing-s {sum(t for t in played if t < WAITED):.1f}")
    print(f"run-waiting-for-deadlines-s {sum(t for t in played if t >= WAITED):.1f}")
    print(f"run-longest-wait-s {max(played):.1f}")
    measure.show("run-ratio", wall / (starting / JOBS), RUN_LIMIT)


def windows() -> None:
    files = sorted(measure.SCENARIOS.glob("*/*.vus"))
    described = subprocess.run([measure.PLAYER, "--describe", *files], capture_output=True, text=True,
                               check=True).stdout
    measure.show("scenarios-with-a-window", sum(bool(WINDOWS & set(json.loads(line)["constructs"]))
                                                for line in described.splitlines()), WINDOWS_LIMIT)


def main() -> None:
    windows()
    run()


if __name__ == "__main__":
    main()
