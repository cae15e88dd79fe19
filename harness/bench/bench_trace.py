# SPDX-License-Identifier: Apache-2.0
"""A trace ten times as long takes ten times as long to parse and to replay, and no more memory."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Callable

import measure

SHORT, LONG = 10_000, 100_000  # messages
ROUNDS = 3
LINEAR, CONSTANT = 11.0, 1.05


def record(folder: Path, messages: int) -> Path:
    scenario, trace = folder / f"{messages}.vus", folder / f"{messages}-trace.vus"
    scenario.write_text("title    A peer that echoes is asked often\nsubject  back-end\n\n"
                        f"repeat {messages // 2}\n  -> GET_FEATURES\n  <- GET_FEATURES\nend\n",
                        encoding="utf-8")
    measure.play_against_echo(scenario, "--trace", trace)
    return trace


def parse(trace: Path) -> measure.Cost:
    return measure.cost([measure.PLAYER, "--print", trace], measure.read_output,
                        stdout=subprocess.PIPE)


def compare(name: str, take: Callable[[Path], measure.Cost], short: Path, long: Path) -> None:
    """The longer against the shorter, one behind the other, by the time of the CPU."""
    pairs = [(take(short), take(long)) for _ in range(ROUNDS)]
    measure.show(f"trace-{name}-time-of-10x", statistics.median(b.cpu / a.cpu for a, b in pairs),
                 LINEAR)
    measure.show(f"trace-{name}-memory-of-10x",
                 statistics.median(b.memory / a.memory for a, b in pairs), CONSTANT)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="vringer-") as folder:
        short, long = (record(Path(folder), messages) for messages in (SHORT, LONG))
        compare("parse", parse, short, long)
        compare("replay", measure.play_against_echo, short, long)


if __name__ == "__main__":
    main()
