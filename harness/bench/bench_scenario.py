# SPDX-License-Identifier: Apache-2.0
"""
What a scenario costs beside its subject: connect, negotiate, start the rings, one probe, stop,
against starting the same back-end, connecting to it and ending it.
"""

from __future__ import annotations

import statistics
import time

import measure

SCENARIO = measure.SCENARIOS / "ring/kick-processes-available.vus"
SUBJECT = measure.candidate("qemu-storage-daemon")
ROUNDS = 15
LIMIT = 2.0


def alone() -> float:
    begun = time.monotonic()
    measure.start_and_end(SUBJECT)
    return time.monotonic() - begun


def played() -> float:
    return measure.cost([measure.PLAYER, "--quiet", "--setup", SUBJECT["setup"],
                         "--run", SUBJECT["command"], "--device", SUBJECT["device"],
                         "--queues", SUBJECT["queues"], SCENARIO]).wall


def main() -> None:
    pairs = [(alone(), played()) for _ in range(ROUNDS)]
    print(f"subject-alone-ms {statistics.median(a for a, _ in pairs) * 1000:.1f}")
    print(f"scenario-ms {statistics.median(b for _, b in pairs) * 1000:.1f}")
    measure.show("scenario-cost-ratio", statistics.median(b / a for a, b in pairs), LIMIT)


if __name__ == "__main__":
    main()
