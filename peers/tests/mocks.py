# SPDX-License-Identifier: Apache-2.0
"""One mock against the other: how the tests that need both begin a play and read its verdict."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from built import BIN, SCENARIOS

SECONDS = 60
SCALE = 0.4  # of the deadlines: the mocks need far less


@dataclass(frozen=True)
class Subject:
    """The reference back-end as a device of some type, and how it is made ready."""

    device: str
    queues: int = 1
    options: str = ""
    setup: str = "true"

    def command(self, *quirks: str) -> str:
        words = [f"{BIN}/vu-backend --socket-path={{socket}} --device={self.device} --queues={self.queues}",
                 self.options, *(f"--quirk={q}" for q in quirks)]
        return " ".join(words)


BLK = Subject("blk", 2, "--blk-file={dir}/disk.raw --latency=100", "truncate -s 16M disk.raw")
FS = Subject("fs", 1, "--shared-dir={dir}/share", "mkdir share && printf 'hello, vringer\\n' > share/hello")
NET = Subject("net", 2)
GENERIC = Subject("generic", 2, "--config-size=64")


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=SECONDS)


def verdict_in(events: Path) -> dict[str, Any]:
    last: dict[str, Any] = json.loads(events.read_text().splitlines()[-1])
    assert last["event"] == "verdict"
    return last


def judge_back_end(scenario: str | Path, subject: Subject, tmp_path: Path, *quirks: str) -> dict[str, Any]:
    """Play a scenario against the reference with these quirks; what the last event says."""
    path = scenario if isinstance(scenario, Path) else SCENARIOS / f"{scenario}.vus"
    events = tmp_path / "events"
    run(BIN / "vu-frontend", "--quiet", "--scale", SCALE, "--events", events,
        "--device", subject.device, "--queues", subject.queues,
        "--setup", subject.setup, "--run", subject.command(*quirks), path)
    return verdict_in(events)
