# SPDX-License-Identifier: Apache-2.0
"""What the model sees broken fails the scenario, whatever the script itself made of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from built import BIN, SCENARIOS

HEAD = "title    A script\nsubject  back-end\nchecks   ring.enabled-normal msg.get-queue-num.reply\n\n"


def play(scenario: Path, quirk: str, tmp_path: Path) -> dict[str, Any]:
    events = tmp_path / "events"
    back_end = f"{BIN}/vu-backend --socket-path={{socket}} --device=blk" + (f" --quirk={quirk}" if quirk else "")
    subprocess.run([BIN / "vu-frontend", "--quiet", "--device", "blk", "--fragments", SCENARIOS, "--events", events,
                    "--run", back_end, scenario], capture_output=True, timeout=60, check=False)
    last: dict[str, Any] = json.loads(events.read_text().splitlines()[-1])
    assert last["event"] == "verdict"
    return last


def play_lines(lines: str, quirk: str, tmp_path: Path) -> dict[str, Any]:
    scenario = tmp_path / "script.vus"
    scenario.write_text(HEAD + lines + "\n")
    return play(scenario, quirk, tmp_path)


@pytest.mark.parametrize("scenario, quirk, clause", [
    ("state/channel-is-accepted-or-replaced", "state-nofd-clear", "msg.set-device-state-fd.nofd-bit"),
    ("ring/kick-processes-available", "reply-version-0", "hdr.version-one"),
])
def test_a_reading_excuses_nothing(scenario: str, quirk: str, clause: str, tmp_path: Path) -> None:
    path = SCENARIOS / f"{scenario}.vus"
    assert play(path, "", tmp_path)["verdict"] == "pass"
    verdict = play(path, quirk, tmp_path)
    assert (verdict["verdict"], verdict["clauses"]) == ("fail", [clause])


def test_a_point_that_was_not_reached_hides_nothing(tmp_path: Path) -> None:
    verdict = play_lines("-> GET_FEATURES\n<- GET_FEATURES\nreach 0 \"it cannot be reached\"", "reply-version-0", tmp_path)
    assert (verdict["verdict"], verdict["clauses"]) == ("fail", ["hdr.version-one"])


def test_a_line_that_fails_names_what_is_checked(tmp_path: Path) -> None:
    lines = "-> GET_FEATURES\n<- GET_FEATURES\nexpect 0 \"it cannot be\""
    assert play_lines(lines, "", tmp_path)["clauses"] == []
    verdict = play_lines(lines, "reply-version-0", tmp_path)
    assert verdict["clauses"] == ["hdr.version-one", "ring.enabled-normal", "msg.get-queue-num.reply"]
    assert verdict["reason"] == "it cannot be"


def test_a_line_that_names_its_clause_stands_for_no_other(tmp_path: Path) -> None:
    lines = "-> GET_FEATURES\n<- GET_FEATURES\nexpect 0 \"it cannot be\"   violates ring.enabled-normal"
    verdict = play_lines(lines, "reply-version-0", tmp_path)
    assert verdict["clauses"] == ["ring.enabled-normal", "hdr.version-one"]


def test_what_does_not_apply_is_not_judged(tmp_path: Path) -> None:
    lines = "-> GET_FEATURES\n<- GET_FEATURES\nrequire 0 \"it needs more\""
    assert play_lines(lines, "reply-version-0", tmp_path)["verdict"] == "n/a"
