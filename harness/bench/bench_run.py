# SPDX-License-Identifier: Apache-2.0
"""
The whole run against one candidate, as anybody runs it, against starting as many subjects, as many at a
time, with nothing played; how much of it waits for what never comes; windows of time.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import measure

SUBJECT = "qemu-storage-daemon"
RUN_LIMIT, WINDOWS_LIMIT = 1.5, 10
JOBS = 3 * len(os.sched_getaffinity(0))  # what `vringer run` plays at a time
WAITED = 0.9  # seconds: nothing takes so long but a deadline
WINDOWS = {"idle", "silence"}


def run() -> tuple[float, list[dict[str, int]]]:
    """How long it took, and the results. Red or not: what counts here is the time."""
    with tempfile.TemporaryDirectory(prefix="vringer-") as folder:
        verdicts = Path(folder) / "verdicts.json"
        begun = time.monotonic()
        subprocess.run([measure.VRINGER, "run", "--backend", SUBJECT, "-q", "--output", folder,
                        "--json", verdicts], stdout=subprocess.DEVNULL, check=False)
        wall = time.monotonic() - begun
        return wall, json.loads(verdicts.read_text(encoding="utf-8"))["results"]


def starts(count: int) -> float:
    """How long it takes to start the subject so many times, connect to it and end it."""
    subject = measure.candidate(SUBJECT)
    begun = time.monotonic()
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(lambda _: measure.start_and_end(subject), range(count)))
    return time.monotonic() - begun


def compare() -> None:
    wall, results = run()
    started = sum(result["started_ns"] > 0 for result in results)
    alone = starts(started)
    played = [result["played_ns"] / 1e9 for result in results]
    print(f"run-scenarios {len(results)}")
    print(f"run-subjects {started}")
    print(f"run-wall-s {wall:.1f}")
    print(f"run-starts-alone-s {alone:.1f}")
    print(f"run-playing-s {sum(t for t in played if t < WAITED):.1f}")
    print(f"run-waiting-for-deadlines-s {sum(t for t in played if t >= WAITED):.1f}")
    print(f"run-longest-wait-s {max(played):.1f}")
    measure.show("run-ratio", wall / alone, RUN_LIMIT)


def windows() -> None:
    files = sorted(measure.SCENARIOS.glob("*/*.vus"))
    described = subprocess.run([measure.PLAYER, "--describe", *files], capture_output=True, text=True,
                               check=True).stdout
    measure.show("scenarios-with-a-window", sum(bool(WINDOWS & set(json.loads(line)["constructs"]))
                                                for line in described.splitlines()), WINDOWS_LIMIT)


def main() -> None:
    windows()
    compare()


if __name__ == "__main__":
    main()
