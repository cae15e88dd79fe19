# SPDX-License-Identifier: Apache-2.0
"""The life of the reference front-end: any device, both layouts, requests in flight, a state that breaks off."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from built import BIN
from mocks import SCALE, Subject, judge_back_end, run, verdict_in

DISK = Subject("blk", 1, "--size=1M")
SLOW = Subject("blk", 1, "--size=1M --latency=20000")
GENERIC = Subject("generic", 1, "--config-size=64")
DEVICES = [DISK, SLOW, Subject("net"), Subject("fs"), Subject("rng"), GENERIC]


def live(subject: Subject, tmp_path: Path, *quirks: str) -> tuple[dict[str, Any], list[str]]:
    """What the life ended with, and every message of it."""
    events = tmp_path / "events"
    run(BIN / "vu-frontend", "--lifecycle", "--quiet", "--scale", SCALE, "--events", events, "--device", subject.device,
        "--run", subject.command(*quirks))
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    return verdict_in(events), [line["text"] for line in lines if line["event"] == "message"]


def sent(messages: list[str], name: str) -> list[str]:
    return [m for m in messages if re.match(rf"-> {name}\b", m.strip())]


def resumptions(messages: list[str]) -> list[tuple[str, str]]:
    """The base that was told and the one that was given where the ring went on, without those after a reset."""
    kept = [m for m in messages if re.match(r"(<- GET_VRING_BASE|-> (SET_VRING_BASE|RESET_DEVICE|SET_OWNER))\b", m)]
    pairs = [(a.split("num=")[1], b.split("num=")[1]) for a, b in zip(kept, kept[1:])
             if a.startswith("<-") and b.startswith("-> SET_VRING_BASE")]
    assert len(pairs) >= 10
    return pairs


@pytest.mark.parametrize("subject", DEVICES, ids=["blk", "slow blk", "net", "fs", "rng", "generic"])
def test_any_device_is_lived_with(subject: Subject, tmp_path: Path) -> None:
    verdict, messages = live(subject, tmp_path)
    assert verdict["verdict"] == "pass", verdict
    assert not verdict["breaches"]
    assert len(sent(messages, "GET_VRING_BASE")) >= 20


def test_rings_are_split_first_and_packed_then(tmp_path: Path) -> None:
    _, messages = live(DISK, tmp_path)
    packed = ["RING_PACKED" in m for m in sent(messages, "SET_FEATURES")]
    assert packed == sorted(packed) and len(set(packed)) == 2


@pytest.mark.parametrize("subject", [DISK, SLOW], ids=["blk", "slow blk"])
def test_requests_in_flight_are_done_by_the_next_connection(subject: Subject, tmp_path: Path) -> None:
    verdict, messages = live(subject, tmp_path)
    assert verdict["verdict"] == "pass", verdict
    fetched, given = len(sent(messages, "GET_INFLIGHT_FD")), len(sent(messages, "SET_INFLIGHT_FD"))
    assert given - fetched == 2, "once for each layout the buffer of the connection before is given back"


@pytest.mark.parametrize("quirk, subject", [
    ("inflight-not-restored", SLOW), ("inflight-stays-marked", DISK), ("base-zero", DISK),
    ("packed-used-forgotten", DISK), ("base-packed-half", DISK), ("base-zero", Subject("net")),
])
def test_a_request_that_is_lost_or_done_twice_shows(quirk: str, subject: Subject, tmp_path: Path) -> None:
    verdict, _ = live(subject, tmp_path, quirk)
    assert verdict["verdict"] == "fail", verdict


TROUBLE = {
    "state-success-is-one": {"the state is not saved"}, "state-stalls": {"the state does not come"},
    "state-stays-open": {"the state does not come"}, "state-check-bad": {"the state was not loaded"},
    "state-not-drained": {"the state is not taken", "the state was not loaded"},
}


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[dict[str, Any], list[str]]]:
    """All at once: what they do is wait."""
    with ThreadPoolExecutor(len(TROUBLE)) as pool:
        return dict(zip(TROUBLE, pool.map(lambda q: live(DISK, tmp_path_factory.mktemp("life"), q), TROUBLE)))


@pytest.mark.parametrize("quirk", TROUBLE)
def test_life_goes_on_where_the_state_does_not_get_through(
        quirk: str, lives: dict[str, tuple[dict[str, Any], list[str]]]) -> None:
    verdict, messages = lives[quirk]
    assert verdict["verdict"] == "pass", verdict
    assert set(verdict["readings"]) == TROUBLE[quirk]
    assert {told for told, given in resumptions(messages) if told != given} == set()


def test_packed_requests_outlive_a_process(tmp_path: Path) -> None:
    disk = Subject("blk", 1, "--size=16M --latency=20000")
    assert judge_back_end("inflight/packed-ring-survives-a-crash", disk, tmp_path)["verdict"] == "pass"
    verdict = judge_back_end("inflight/packed-ring-survives-a-crash", disk, tmp_path, "inflight-not-restored")
    assert verdict["clauses"] == ["msg.set-inflight-fd.be-recovers"]
