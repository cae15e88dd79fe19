# SPDX-License-Identifier: Apache-2.0
"""Drafts as dialects: both mocks speak them, every quirk of theirs is caught, and who is on other numbers is told so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from built import BIN, SCENARIOS
from mocks import BLK, SCALE, run, verdict_in

DIALECTS = ["slave-channel-start-stop", "suspend-resume", "device-state-v1", "device-state-v2", "device-state-v4"]
OF_BACK_ENDS = sorted((SCENARIOS / "drafts").glob("*.vus"))
OF_FRONT_ENDS = sorted((SCENARIOS / "frontend/drafts").glob("*.vus"))
SUSPEND = "41 is SUSPEND in the draft suspend-resume, GET_SHARED_OBJECT since 8.2"


def speaking(dialect: str) -> str:
    return f"--dialect={dialect}" if dialect else ""


def dialect_of(scenario: Path) -> str:
    said = re.search(r"^draft +(\S+)$", scenario.read_text(encoding="utf-8"), re.MULTILINE)
    return said[1] if said else ""


def stem(path: Path) -> str:
    return path.stem


def judge_back_end(scenario: Path, dialect: str, tmp_path: Path, *more: str) -> dict[str, Any]:
    command = " ".join([BLK.command(), speaking(dialect), *more])
    run(BIN / "vu-frontend", "--quiet", "--scale", SCALE, "--events", tmp_path / "events", "--device", "blk",
        "--queues", 2, "--fragments", SCENARIOS, "--setup", BLK.setup,
        "--hook", "grow-disk=truncate -s 32M {dir}/disk.raw", "--run", command, scenario)
    return verdict_in(tmp_path / "events")


def judge_front_end(scenario: Path, dialect: str, tmp_path: Path, *more: str) -> dict[str, Any]:
    words = [f"{BIN}/vu-frontend --quiet --lifecycle --device blk --socket {{socket}}", speaking(dialect), *more]
    run(BIN / "vu-backend", "--quiet", "--scale", SCALE, "--events", tmp_path / "events", "--with=objects",
        "--run", " ".join(words), scenario)
    return verdict_in(tmp_path / "events")


def quirks() -> list[dict[str, str]]:
    listed = run(BIN / "vu-backend", "--list-quirks=json")
    rows: list[dict[str, str]] = json.loads(listed.stdout) if listed.returncode == 0 else []
    return [row for row in rows if row["clause"].startswith("draft.")]


QUIRKS = quirks()


def play(lines: str, subject: str, tmp_path: Path) -> Path:
    scenario = tmp_path / "numbers.vus"
    scenario.write_text(f"title    Whose numbers these are\nsubject  {subject}\n{lines}")
    return scenario


# ---- options ----

@pytest.mark.parametrize("program", ["vu-frontend", "vu-backend"])
def test_dialects_are_listed(program: str) -> None:
    done = run(BIN / program, "--list-dialects")
    assert done.returncode == 0
    assert sorted(line.split()[0] for line in done.stdout.splitlines()) == sorted(DIALECTS)
    assert "--dialect NAME" in run(BIN / program, "--help").stdout


@pytest.mark.parametrize("program", ["vu-frontend", "vu-backend"])
@pytest.mark.parametrize("wrong, meant", [("suspend-resum", "suspend-resume"), ("device-state-v5", "device-state-v")])
def test_a_dialect_that_there_is_not(program: str, wrong: str, meant: str) -> None:
    done = run(BIN / program, f"--dialect={wrong}")
    assert done.returncode == 2
    assert f"there is no dialect {wrong}; did you mean {meant}" in done.stderr


def test_a_scenario_in_another_dialect_is_not_for_the_subject(tmp_path: Path) -> None:
    scenario = SCENARIOS / "drafts/rings-go-on-after-resume.vus"
    run(BIN / "vu-frontend", "--quiet", "--events", tmp_path / "events", "--dialect", "device-state-v4",
        "--run", "true {socket}", scenario)
    verdict = verdict_in(tmp_path / "events")
    assert verdict["verdict"] == "n/a"
    assert "in the dialect suspend-resume" in verdict["reason"]


# ---- both speak them ----

@pytest.mark.parametrize("device", ["blk", "net", "fs"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_lifecycle_passes(dialect: str, device: str) -> None:
    back_end = f"{BIN}/vu-backend --device={device} --socket-path={{socket}} {speaking(dialect)}"
    done = run(BIN / "vu-frontend", "--lifecycle", speaking(dialect), "--device", device, "--run", back_end)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "pass (subject: clean)"


@pytest.mark.parametrize("dialect, message", [
    ("slave-channel-start-stop", "<= SLAVE_STOP_CHANNEL_COMPLETE"), ("suspend-resume", "-> RESUME"),
    ("device-state-v1", "-> CHECK_DEVICE_STATE"), ("device-state-v2", "-> CHECK_DEVICE_STATE"),
    ("device-state-v4", "-> CHECK_DEVICE_STATE")])
def test_the_lifecycle_does_what_the_draft_is_about(dialect: str, message: str) -> None:
    back_end = f"{BIN}/vu-backend --device=fs --socket-path={{socket}} {speaking(dialect)}"
    done = run(BIN / "vu-frontend", "--lifecycle", speaking(dialect), "--device", "fs", "--run", back_end)
    assert message in done.stdout


@pytest.mark.parametrize("scenario", OF_BACK_ENDS, ids=stem)
def test_the_reference_does_what_a_draft_demands(scenario: Path, tmp_path: Path) -> None:
    verdict = judge_back_end(scenario, dialect_of(scenario), tmp_path)
    assert verdict["verdict"] == "pass", verdict


@pytest.mark.parametrize("quirk", QUIRKS, ids=[quirk["name"] for quirk in QUIRKS])
def test_a_quirk_of_the_back_end_is_caught_by_its_clause(quirk: dict[str, str], tmp_path: Path) -> None:
    scenarios = [s for s in OF_BACK_ENDS if quirk["clause"] in s.read_text(encoding="utf-8")]
    verdicts = [judge_back_end(s, dialect_of(s), tmp_path, f"--quirk={quirk['name']}") for s in scenarios]
    assert any(v["verdict"] == "fail" and quirk["clause"] in v["clauses"] for v in verdicts), verdicts


# ---- one on the spec's numbers meets one on a draft's ----

@pytest.mark.parametrize("scenario", OF_BACK_ENDS, ids=stem)
def test_a_back_end_on_the_specs_numbers_is_recognised(scenario: Path, tmp_path: Path) -> None:
    verdict = judge_back_end(scenario, "", tmp_path, "--with=objects")
    assert verdict["verdict"] == "n/a", verdict
    assert re.match(rf"\d+ is \w+ in the draft {dialect_of(scenario)}, \w+ since \d+\.\d; who offers", verdict["reason"])
    assert not verdict["clauses"]


def test_a_back_end_on_a_drafts_numbers_is_recognised(tmp_path: Path) -> None:
    lines = "needs    SHARED_OBJECT\n\nuse negotiated\n-> GET_SHARED_OBJECT\n<- GET_SHARED_OBJECT\n"
    verdict = judge_back_end(play(lines, "back-end", tmp_path), "suspend-resume", tmp_path)
    assert verdict["verdict"] == "fail"
    assert verdict["reason"].endswith(SUSPEND)


def test_a_front_end_on_a_drafts_numbers_is_recognised(tmp_path: Path) -> None:
    scenario = play("\n-> GET_VRING_BASE within 2s\n", "front-end", tmp_path)
    verdict = judge_front_end(scenario, "suspend-resume", tmp_path)
    assert verdict["verdict"] == "fail"
    assert f"{SUSPEND}; the former is meant" in verdict["reason"]


def test_a_front_end_on_the_specs_numbers_is_recognised(tmp_path: Path) -> None:
    verdict = judge_front_end(SCENARIOS / "frontend/drafts/channel-is-started.vus", "", tmp_path)
    assert verdict["verdict"] == "n/a"
    assert verdict["reason"] == ("39 is START_SLAVE_CHANNEL in the draft slave-channel-start-stop, SET_STATUS since 5.1; "
                                 "the latter is meant")


def test_the_reference_tells_of_it_by_itself() -> None:
    back_end = f"{BIN}/vu-backend --device=blk --with=objects --socket-path={{socket}} 2>&1 | tee {{dir}}/log >&2"
    done = run(BIN / "vu-frontend", "--lifecycle", "--dialect=suspend-resume", "--device", "blk", "--run", back_end)
    assert SUSPEND in done.stdout + done.stderr


@pytest.mark.parametrize("scenario", OF_FRONT_ENDS, ids=stem)
def test_no_front_end_on_the_specs_numbers_breaks_a_draft(scenario: Path, tmp_path: Path) -> None:
    verdict = judge_front_end(scenario, "", tmp_path)
    assert verdict["verdict"] in ("pass", "n/a"), verdict
