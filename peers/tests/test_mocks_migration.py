# SPDX-License-Identifier: Apache-2.0
"""Migrations that fail after the source was stopped: the reference goes on, and each way to get it wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from built import SCENARIOS
from mocks import BLK, FS, NET, Subject, judge_back_end

SLOW_BLK = Subject("blk", 2, "--size=16M --latency=20000")
POINTS = [
    "resumes-after-the-stop", "resumes-from-the-middle-of-the-transfer", "resumes-from-the-check",
    "resumes-after-the-transfer", "reader-that-is-gone", "stays-stopped-after-a-failure",
    "destination-waits-for-its-rings", "bases-go-on-after-a-failure",
    "log-stands-still-during-the-transfer", "marks-go-on-after-resume", "saves-again-after-a-failure",
    "no-descriptor-left-of-failures", "many-attempts",
]
USABLE = "state.source-usable-after-failure"
WRONG = [
    ("base-lost-by-disabling", BLK, "base-tells-what-was-served", "msg.get-vring-base.split-index"),
    ("state-lost-by-save", FS, "open-files-outlive-failures", USABLE),
    ("state-lost-by-save", FS, "resumes-after-the-transfer", USABLE),
    ("state-starts-rings", BLK, "stays-stopped-after-a-failure", "ring.stopped-not-processed"),
    ("state-starts-rings", FS, "destination-waits-for-its-rings", "ring.stopped-not-processed"),
    ("status-wipes-state", FS, "status-zero-at-the-stop", USABLE),
    ("status-wipes-state", BLK, "status-zero-at-the-stop", USABLE),
    ("state-reader-kills", BLK, "reader-that-is-gone", USABLE),
    ("state-reader-kills", FS, "destination-dies-in-the-middle", USABLE),
    ("state-check-good", BLK, "reader-that-is-gone", "msg.check-device-state.reply"),
    ("state-check-good", FS, "destination-dies-in-the-middle", "msg.check-device-state.reply"),
    ("state-descriptor-leaks", BLK, "no-descriptor-left-of-failures", USABLE),
    ("state-broken-for-ever", FS, "saves-again-after-a-failure", USABLE),
    ("stop-loses-requests", SLOW_BLK, "requests-under-way-are-done-once", "msg.get-vring-base.completes-inflight"),
    ("log-after-stop", BLK, "log-stands-still-during-the-transfer", "mig.no-update-after-stop"),
    ("log-latched", BLK, "marks-go-on-after-resume", "msg.set-log-base.sets-log"),
    ("restart-ignored", FS, "resumes-after-the-stop", "ring.restart-on-set-vring-kick"),
]


@pytest.mark.parametrize("subject", [BLK, FS, NET, SLOW_BLK], ids=["blk", "fs", "net", "slow blk"])
@pytest.mark.parametrize("point", POINTS)
def test_the_reference_goes_on(point: str, subject: Subject, tmp_path: Path) -> None:
    verdict = judge_back_end(f"migration/{point}", subject, tmp_path)
    assert verdict["verdict"] == "pass", verdict


@pytest.mark.parametrize("scenario, subject", [
    ("open-files-outlive-failures", FS), ("destination-dies-in-the-middle", FS), ("status-zero-at-the-stop", BLK),
    ("requests-under-way-are-done-once", BLK), ("requests-under-way-are-done-once", SLOW_BLK),
])
def test_the_reference_keeps_what_it_has(scenario: str, subject: Subject, tmp_path: Path) -> None:
    verdict = judge_back_end(f"migration/{scenario}", subject, tmp_path)
    assert verdict["verdict"] == "pass", verdict


@pytest.mark.parametrize("quirk, subject, scenario, clause", WRONG, ids=[f"{w[0]}-{w[1].device}" for w in WRONG])
def test_what_goes_wrong_is_named(quirk: str, subject: Subject, scenario: str, clause: str, tmp_path: Path) -> None:
    verdict = judge_back_end(f"migration/{scenario}", subject, tmp_path, quirk)
    checks = (SCENARIOS / f"migration/{scenario}.vus").read_text(encoding="utf-8").splitlines()[2].split()[1:]
    assert verdict["verdict"] == "fail", verdict
    assert clause in (verdict["clauses"] or checks)


def test_how_the_source_ended_is_shown(tmp_path: Path) -> None:
    verdict = judge_back_end("migration/reader-that-is-gone", BLK, tmp_path, "state-reader-kills")
    assert verdict["ending"] == "crashed SIGPIPE"
