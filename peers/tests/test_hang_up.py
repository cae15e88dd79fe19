# SPDX-License-Identifier: Apache-2.0
"""What cannot come any more because the subject hung up is not waited for; what came before it is seen."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from built import BIN, ROOT

HEAD = "title    A script\nsubject  back-end\nneeds    BACKEND_REQ\n\n"
HANG_UP = "-> GET_FEATURES with size=0xfffffff0\n"  # more than any payload has
LONG = "within 30s"
MUCH_LESS = 15e9  # nanoseconds


def play(lines: str, tmp_path: Path) -> dict[str, Any]:
    scenario, events = tmp_path / "script.vus", tmp_path / "events"
    scenario.write_text(HEAD + lines + "\n")
    subprocess.run([BIN / "vu-frontend", "--quiet", "--device", "blk", "--fragments", ROOT / "scenarios",
                    "--events", events, "--run", f"{BIN}/vu-backend --socket-path={{socket}}",
                    scenario], capture_output=True, timeout=60, check=False)
    last: dict[str, Any] = json.loads(events.read_text().splitlines()[-1])
    assert last["event"] == "verdict"
    return last


@pytest.mark.parametrize("before, waits", [
    ("-> SET_VRING_ENABLE 0 num=0\nfence\nsubmit 0 probe as $r quietly\n", f"used 0 $r {LONG}"),
    ("", f"called 1 {LONG}"),
    ("", f"errored 0 {LONG}"),
    ("", f"fence {LONG}"),
    ("", f"fence 0 {LONG}"),
    ("", "alive"),
    ("-> SET_BACKEND_REQ_FD\n", f"serve until CONFIG_CHANGE_MSG {LONG}"),
    ("pipe $reader $writer\n", f"drain $reader as $state {LONG}"),
    ("pipe $reader $writer\ngarbage $state size=1M\n", f"feed $writer $state {LONG}"),
    ("", "idle 0 for 30s"),
    ("", "silence <- for 30s"),
])
def test_nothing_is_waited_for(before: str, waits: str, tmp_path: Path) -> None:
    verdict = play(f"use started\n{before}{HANG_UP}closed\n{waits}", tmp_path)
    assert verdict["verdict"] == "fail", verdict
    assert re.search("closed the connection|no back-end channel any more", verdict["reason"])
    assert verdict["played_ns"] < MUCH_LESS


def test_what_came_before_is_seen(tmp_path: Path) -> None:
    lines = f"use started\nfence 0\nsubmit 0 probe as $r\nfence 0\n{HANG_UP}closed\nused 0 $r {LONG}\ncalled 0 {LONG}"
    assert play(lines, tmp_path)["verdict"] == "pass"
