# SPDX-License-Identifier: Apache-2.0
"""The deadlock at GET_VRING_BASE and the three ways out of it: each passes, and without it the cycle is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from built import SCENARIOS
from mocks import BLK, FS, Subject, judge_back_end
from test_mocks import front_end, play

POLLS_BOTH = SCENARIOS / "frontend/deadlock/answers-channel-while-waiting.vus"
STOPS_THE_CHANNEL = SCENARIOS / "frontend/deadlock/channel-stopped-first.vus"
BASE_FIRST = SCENARIOS / "frontend/deadlock/base-before-the-answer.vus"
WAITS_FOR_NOTHING = "deadlock/base-while-a-ring-asks"
BLOCKS, UNFLUSHED = "blocks-channel-while-waiting", "channel-not-flushed"
CYCLE = {"front-end waits for back-end", "back-end waits for ring 0", "ring 0 waits for front-end"}


def cycle(verdict: dict[str, Any]) -> set[str]:
    """Who waits for whom, if it is a cycle that was shown, and within the deadline."""
    assert verdict["verdict"] == "fail" and verdict["ending"] == "hung", verdict
    assert verdict["played_ns"] < 4e9
    return {step.split(":")[0] for step in verdict["waits"].split(" <- ")}


def test_who_looks_at_both_passes(tmp_path: Path) -> None:
    assert play(POLLS_BOTH, front_end(), tmp_path)["readings"] == ["serves the channel while it waits"]


def test_who_looks_at_one_closes_the_cycle(tmp_path: Path) -> None:
    assert cycle(play(POLLS_BOTH, front_end(BLOCKS), tmp_path)) == CYCLE


@pytest.mark.parametrize("quirks", [(), (BLOCKS,)], ids=["both", "one"])
def test_with_the_channel_stopped_first_one_is_enough(quirks: tuple[str, ...], tmp_path: Path) -> None:
    verdict = play(STOPS_THE_CHANNEL, front_end(*quirks), tmp_path)
    assert verdict["verdict"] == "pass", verdict
    assert verdict["readings"] == ["serves the channel to its last request"]


def test_who_does_not_await_the_last_request_closes_the_cycle(tmp_path: Path) -> None:
    verdict = play(STOPS_THE_CHANNEL, front_end(UNFLUSHED, BLOCKS), tmp_path)
    assert cycle(verdict) == CYCLE
    assert verdict["clauses"] == ["draft.slave-channel.no-base-before-complete"]


@pytest.mark.parametrize("subject", [BLK, FS], ids=["blk", "fs"])
def test_who_waits_for_nothing_passes(subject: Subject, tmp_path: Path) -> None:
    assert judge_back_end(WAITS_FOR_NOTHING, subject, tmp_path)["verdict"] == "pass"


def test_whom_nobody_waits_for_may_look_at_one(tmp_path: Path) -> None:
    assert play(BASE_FIRST, front_end(BLOCKS), tmp_path)["verdict"] == "pass"


@pytest.mark.parametrize("subject", [BLK, FS], ids=["blk", "fs"])
def test_who_waits_for_the_channel_closes_the_cycle(subject: Subject, tmp_path: Path) -> None:
    verdict = judge_back_end(WAITS_FOR_NOTHING, subject, tmp_path, "channel-deadlock")
    assert cycle(verdict) == {"front-end waits for back-end", "back-end waits for front-end"}
