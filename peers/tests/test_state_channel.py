# SPDX-License-Identifier: Apache-2.0
"""A back-end that brings the channel for its state itself: the front-end drops its own, and the state travels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from built import BIN, SCENARIOS
from mocks import run


def back_end(device: str) -> str:
    return f"{BIN}/vu-backend --socket-path={{socket}} --device={device} --size=64K --with=state-channel"


def test_the_reply_brings_it(tmp_path: Path) -> None:
    events = tmp_path / "events"
    scenario = SCENARIOS / "state/channel-is-accepted-or-replaced.vus"
    run(f"{BIN}/vu-frontend", "--quiet", "--events", events, "--device", "blk", "--run", back_end("blk"), scenario)
    verdict = json.loads(events.read_text().splitlines()[-1])
    assert verdict["verdict"] == "pass"
    assert "brings a channel of its own" in events.read_text()


@pytest.mark.parametrize("device, driver", [("blk", "blk"), ("fs", "fs"), ("net", "net"), ("generic", "echo")])
def test_states_are_saved_and_loaded_by_it(device: str, driver: str) -> None:
    done = run(f"{BIN}/vu-frontend", "--lifecycle", "--device", driver, "--run", back_end(device))
    assert done.returncode == 0, done.stdout
    assert "<- SET_DEVICE_STATE_FD status=0 fd" in done.stdout
    assert done.stdout.splitlines()[-1] == "pass (subject: clean)"
