# SPDX-License-Identifier: Apache-2.0
"""The two mocks against each other: the reference front-end passes, and no quirk harms its player."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from built import BIN, ROOT
from mocks import BLK, SCALE, run, verdict_in

SCENARIOS = sorted((ROOT / "scenarios/frontend").rglob("*.vus"))
DEADLOCK = ROOT / "scenarios/frontend/deadlock/answers-channel-while-waiting.vus"


def front_end(*quirks: str, device: str = "blk") -> str:
    words = [str(BIN / "vu-frontend"), "--quiet", "--lifecycle", "--device", device, "--socket", "{socket}"]
    return " ".join(words + [f"--quirk {q}" for q in quirks])


def in_dialect(command: str, scenario: Path | str) -> str:
    """@command of a subject that speaks what the scenario is in."""
    said = re.search(r"^draft +(\S+)$", Path(scenario).read_text(encoding="utf-8"), re.MULTILINE)
    return f"{command} --dialect {said[1]}" if said else command


def play(scenario: Path | str, command: str, tmp_path: Path, device: str = "blk") -> dict[str, Any]:
    events = tmp_path / "events"
    command = in_dialect(command, scenario)
    run(BIN / "vu-backend", "--quiet", "--events", events, "--device", device, "--run", command, scenario)
    return verdict_in(events)


def quirks() -> list[str]:
    listed = run(BIN / "vu-frontend", "--list-quirks=json")
    return [row["name"] for row in json.loads(listed.stdout)] if listed.returncode == 0 else []


QUIRKS = quirks()
REFERENCE = tomllib.loads((ROOT / "fixtures/candidates/vu-frontend.toml").read_text(encoding="utf-8"))


def head_of(scenario: Path) -> dict[str, Any]:
    head: dict[str, Any] = json.loads(run(BIN / "vu-frontend", "--describe", scenario).stdout)
    return head


def lives_up_to(head: dict[str, Any]) -> bool:
    """Whether the reference has all that the scenario needs."""
    return not set(REFERENCE["lacks"]) & set(head["needs"]) and \
        (not head["trigger"] or head["trigger"] in REFERENCE["triggers"])


def test_several_scenarios_are_judged_one_by_one(tmp_path: Path) -> None:
    events = tmp_path / "events"
    passes, fails = (ROOT / "scenarios" / name for name in ("ring/kick-processes-available.vus",
                                                            "features/log-all-keeps-rings.vus"))
    done = run(BIN / "vu-frontend", "--quiet", "--events", events, "--device", "blk", "--scale", SCALE,
               "--run", BLK.command("set-features-disables"), "--setup", BLK.setup, passes, fails, passes)
    verdicts = [e["verdict"] for e in map(json.loads, events.read_text().splitlines()) if e["event"] == "verdict"]
    assert verdicts == ["pass", "fail", "pass"]
    assert done.returncode == 1


def test_a_place_that_a_descriptor_does_not_have_reads_as_zero(tmp_path: Path) -> None:
    scenario = tmp_path / "beyond.vus"
    peeks = [f"expect fd_peek($buffer, {place}, 8) == 0 \"nothing\"" for place in ("1 << 61", "0 - 8", "fd_size($buffer)")]
    head = ["title T", "subject back-end", "needs INFLIGHT_SHMFD", "", "use negotiated"]
    told = ["-> GET_INFLIGHT_FD", "<- GET_INFLIGHT_FD fd $buffer"]
    scenario.write_text("\n".join([*head, *told, *peeks, ""]), encoding="utf-8")
    done = run(BIN / "vu-frontend", "--quiet", "--device", "blk", "--fragments", ROOT / "scenarios",
               "--run", BLK.command(), "--setup", BLK.setup, scenario)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_ring_that_stays_full_is_not_an_error_of_the_run(tmp_path: Path) -> None:
    scenario, events = tmp_path / "full.vus", tmp_path / "events"
    stopped = ["ring $probe size=8", "use started", "-> SET_VRING_ENABLE $probe num=0", "fence"]
    text = "\n".join(["title T", "subject back-end", "", *stopped, "repeat 9", "  submit $probe probe", "end", ""])
    scenario.write_text(text, encoding="utf-8")
    run(BIN / "vu-frontend", "--quiet", "--events", events, "--device", "blk", "--fragments", ROOT / "scenarios",
        "--run", BLK.command(), "--setup", BLK.setup, scenario)
    assert verdict_in(events)["verdict"] == "inconclusive"


@pytest.mark.parametrize("device", ["blk", "net", "fs"])
def test_the_lifecycle_passes(device: str) -> None:
    back_end = f"{BIN}/vu-backend --device={device} --socket-path={{socket}}"
    done = run(BIN / "vu-frontend", "--lifecycle", "--device", device, "--run", back_end)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "pass (subject: clean)"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_the_reference_passes(scenario: Path, tmp_path: Path) -> None:
    head = head_of(scenario)
    device = (head["device"] or ["blk"])[0]
    verdict = play(scenario, front_end(device=device), tmp_path, device)
    assert verdict["verdict"] == ("pass" if lives_up_to(head) else "n/a"), verdict
    assert not verdict["breaches"]


# That each is caught, and by its clause, is what `make check-mutation` is for.
@pytest.mark.parametrize("quirk", QUIRKS)
def test_a_quirk_harms_nobody_but_the_connection(quirk: str) -> None:
    back_end = f"{BIN}/vu-backend --size=16M --socket-path={{socket}}"
    done = run(BIN / "vu-frontend", "--lifecycle", "--device", "blk", "--quirk", quirk, "--scale", SCALE,
               "--run", back_end)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert "crashed" not in done.stdout.splitlines()[-1]


def test_a_deadlock_is_shown_as_a_cycle(tmp_path: Path) -> None:
    verdict = play(DEADLOCK, front_end("blocks-channel-while-waiting"), tmp_path)
    assert verdict["ending"] == "hung"
    assert verdict["played_ns"] < 4e9
    waits = [step.split(":")[0] for step in verdict["waits"].split(" <- ")]
    assert waits == ["front-end waits for back-end", "back-end waits for ring 0", "ring 0 waits for front-end"]


def test_a_subject_that_never_connects_is_inconclusive(tmp_path: Path) -> None:
    verdict = play(DEADLOCK, "true", tmp_path)
    assert verdict["verdict"] == "inconclusive"
    assert "before it connected" in verdict["reason"]


def test_a_feature_that_is_lacking_is_no_failure(tmp_path: Path) -> None:
    scenario = tmp_path / "lacking.vus"
    scenario.write_text("title    It needs what the front-end does not take\nsubject  front-end\nneeds    SHMEM_MAP\n\n"
                        "serve until GET_VRING_BASE\n")
    verdict = play(scenario, front_end(), tmp_path)
    assert verdict["verdict"] == "n/a"
    assert "SHMEM_MAP" in verdict["reason"]


@pytest.mark.parametrize("lines, verdict, reason", [
    ("serve until GET_VRING_BASE\n<- GET_VRING_BASE with request=99\nserve within 1s", "pass", ""),
    ("serve until GET_VRING_BASE\n<- GET_VRING_BASE num=7\n<- GET_VRING_BASE\nserve", "pass", ""),
    ("serve until GET_VRING_BASE\nserve within 1s", "pass", ""),
    ("serve until GET_VRING_BASE\ndisconnect\nconnect", "fail", "the subject ended"),
    ("-> GET_FEATURES\n<- GET_FEATURES 0x140000000\n-> SET_FEATURES u64=0x140000000", "pass", ""),
    ("-> SET_FEATURES $a\nexpect acked($a) \"in force\"\nhold-ring 0\n-> GET_VRING_BASE within 1s\n"
     "expect base(0) == 0 \"nothing was served\"", "fail", ""),
    ("hold-ring 99", "error", "there is no such ring"),
    ("serve until CONFIG_CHANGE_MSG", "error", "wants a request of the front-end"),
    ("fence", "error", "a back-end cannot do that"),
    ("closed within 20s\nconnect\n-> SET_OWNER", "pass", ""),
])
def test_what_a_script_may_do(lines: str, verdict: str, reason: str, tmp_path: Path) -> None:
    scenario = tmp_path / "script.vus"
    scenario.write_text(f"title    A script\nsubject  front-end\n\n{lines}\n")
    came = play(scenario, front_end(), tmp_path)
    assert came["verdict"] == verdict, came
    assert reason in came["reason"]
