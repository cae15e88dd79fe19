# SPDX-License-Identifier: Apache-2.0
"""Front-ends as subjects: how they are named, what is done to them, and what comes of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import PLAYER, Vringer, needs_player

from vringer import candidates, diagnose, places
from vringer.candidates import Candidate
from vringer.errors import UsageError

pytestmark = needs_player

LIFE = "vu-frontend --quiet --lifecycle --device blk --socket {socket}"
FILE = f'name = "mine"\nrole = "front-end"\ndevice = "blk"\ncommand = "{LIFE}"\n'
STOPS = "title It stops\nsubject front-end\nchecks msg.get-vring-base.num-zero\n" \
        "trigger stop\n\nserve until GET_VRING_BASE within 20s\n"


@pytest.fixture
def judged(short_tmp: Path) -> Vringer:
    folder = short_tmp / "run"
    folder.mkdir()
    return Vringer(folder, PLAYER, short_tmp)


def judge(vringer: Vringer, frontend: str, *words: str) -> tuple[int, str, list[dict[str, Any]]]:
    out = vringer.folder / "results.json"
    done = vringer.run("run", "--frontend", frontend, "--json", str(out), "--output",
                       str(vringer.folder / "out"), *words)
    results = json.loads(out.read_text(encoding="utf-8"))["results"] if out.exists() else []
    return done.returncode, done.stdout + done.stderr, results


def stops(vringer: Vringer, text: str = STOPS) -> str:
    path = vringer.folder / "stops.vus"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("device", ["blk", "net", "fs"])
def test_the_reference_passes(judged: Vringer, device: str) -> None:
    code, shown, results = judge(judged, "vu-frontend", "--device", device, "frontend")
    assert code == 0, shown
    assert {r["verdict"] for r in results} <= {"pass", "n/a"} and len(results) > 5


def test_a_quirk_fails_with_all_that_bears_it_out(judged: Vringer) -> None:
    command = f"{LIFE} --quirk version-0"
    code, shown, results = judge(judged, command, "--device", "blk", "frontend/life/keeps-the-rules")
    assert (code, results[0]["verdict"], results[0]["red"]) == (1, "fail", True)
    assert results[0]["violated"] == ["hdr.version-one"]
    assert {"chart", "trace", "events"} <= results[0]["evidence"].keys()
    assert "--frontend" in shown and "-> GET_FEATURES" in shown


def test_scenarios_for_back_ends_are_left_out(judged: Vringer) -> None:
    code, _, results = judge(judged, "vu-frontend", "ring/kick-processes-available")
    assert (code, results) == (3, [])


def test_a_trigger_that_nobody_knows_is_not_applicable(judged: Vringer) -> None:
    mine = judged.candidate("mine", FILE + '[triggers]\nreset = ""\n')
    code, _, results = judge(judged, str(mine), stops(judged))
    assert (code, results[0]["verdict"], results[0]["unexpected"]) == (0, "n/a", False)
    assert "stop" in results[0]["evidence"]["reason"]


def test_a_trigger_is_pulled_once_the_device_is_at_work(judged: Vringer) -> None:
    """The front-end looks before it starts its ring, and goes on when the trigger lets it."""
    pulled, pipe = judged.tmp / "pulled", judged.tmp / "pipe"
    os.mkfifo(pipe)
    life = judged.folder / "life.vus"
    life.write_text("title It waits\nsubject back-end\n\nuse negotiated\n-> SET_MEM_TABLE\nalive\nhost look\n"
                    "use start-ring 0\n-> SET_VRING_ENABLE 0\nhost wait\n-> GET_VRING_BASE 0\n")
    command = f"vu-frontend --quiet --device blk --fragments {places.SCENARIOS} --socket {{socket}}" \
              f" --hook 'look=test ! -e {pulled}' --hook 'wait=read word <{pipe}' {life}"
    mine = judged.candidate("mine", FILE.replace(LIFE, command) +
                            f'[triggers]\nstop = "touch {pulled}; echo go >{pipe}"\n')
    code, shown, results = judge(judged, str(mine), stops(judged))
    assert (code, results[0]["verdict"]) == (0, "pass"), shown


@pytest.mark.parametrize("pulse, ending", [("true", "hung, and has a pulse"),
                                           ("false", "hung, and has no pulse")])
def test_a_hang_is_told_from_a_process_that_hangs(judged: Vringer, pulse: str, ending: str) -> None:
    text = FILE.replace("--lifecycle", "--lifecycle --quirk blocks-channel-while-waiting")
    mine = judged.candidate("mine", f'{text}[triggers]\nstop = ""\n[hooks]\npulse = "{pulse}"\n')
    _, shown, results = judge(judged, str(mine), "frontend/deadlock/answers-channel-while-waiting")
    assert (results[0]["verdict"], results[0]["ending"]) == ("fail", ending)
    process, *threads = results[0]["evidence"]["threads"]
    assert "vu-frontend (" in process and len(threads) == 1, shown
    assert re.search(r"vu-frontend \(\d+\): S, in \w*poll\w*.*, system call \d+ ", threads[0]), shown
    assert f"threads   {process.strip()}" in shown


def test_who_does_not_hang_shows_no_threads(judged: Vringer) -> None:
    _, shown, results = judge(judged, LIFE, "--device", "blk", stops(judged, STOPS + "expect 1 == 2 \"numbers differ\"\n"))
    assert (results[0]["verdict"], results[0]["evidence"]["threads"]) == ("fail", None), shown


def test_every_process_of_a_group_is_looked_at() -> None:
    with subprocess.Popen(["sh", "-c", "cat <&0; :"], stdin=subprocess.PIPE, process_group=0) as shell:
        assert shell.stdin
        while len(diagnose.group(shell.pid)) < 2:
            os.sched_yield()
        told = subprocess.run([sys.executable, "-I", diagnose.__file__, str(shell.pid)], check=True,
                              capture_output=True, text=True, timeout=30).stdout
        shell.stdin.close()
    assert [line.split()[0] for line in told.splitlines()[::2]] == ["sh", "cat"], told
    assert diagnose.report("it", shell.pid) == f"  it ({shell.pid}) has ended"


def test_a_trigger_can_be_given_on_the_command_line(judged: Vringer) -> None:
    mark = judged.tmp / "pulled"
    code, shown, _ = judge(judged, LIFE, "--device", "blk", "--trigger", f"stop=touch {mark}",
                           stops(judged, STOPS + "<- GET_VRING_BASE\nserve within 20s\n"))
    assert code == 0 and mark.exists(), shown


@pytest.mark.parametrize("words", [("--frontend", "vu-frontend", "--trigger", "stop"),
                                   ("--backend", "vu-backend-blk", "--trigger", "stop=true")])
def test_a_trigger_that_makes_no_sense_is_told(judged: Vringer, words: tuple[str, ...]) -> None:
    done = judged.run("run", *words)
    assert done.returncode == 2 and "--trigger" in done.stderr


def test_who_never_connects_is_inconclusive(judged: Vringer) -> None:
    code, _, results = judge(judged, "true {socket}", "--device", "blk", stops(judged))
    assert (code, results[0]["verdict"]) == (1, "inconclusive")


@pytest.mark.parametrize("text, told", [
    (FILE.replace("front-end", "middle-end"), "middle-end"),
    (FILE + 'socket = "connect"\n', "back-ends"),
    (FILE.replace("front-end", "back-end") + '[triggers]\nstop = ""\n', "front-ends"),
])
def test_mistakes_in_a_file_are_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        candidates.load(path)


@pytest.mark.parametrize("name, role", [("vu-frontend", "back-end"), ("vu-backend-blk", "front-end")])
def test_each_option_has_its_role(name: str, role: str) -> None:
    with pytest.raises(UsageError, match="name it with --"):
        candidates.resolve(name, role=role)


def test_front_ends_are_not_judged_unless_they_are_named() -> None:
    assert all(candidates.load(candidates.files()[name]).role == "back-end"
               for name in candidates.default())


def test_a_guest_that_is_not_built_is_named_with_its_cure(tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "guest", lambda: tmp_path)
    candidate = Candidate("x", "sh -c 'boot {guest}/initramfs {device} {socket}'", "fs")
    trouble = candidates.missing(candidate)
    assert trouble and "make guest" in trouble.cure
    (tmp_path / "initramfs").touch()
    assert candidates.missing(candidate) is None
    assert candidate.command_in("") == f"sh -c 'boot {tmp_path}/initramfs fs {{socket}}'"


needs_qemu = pytest.mark.skipif(not shutil.which("qemu-system-x86_64"),
                                reason="qemu-system-x86_64 is not installed")


@needs_qemu
def test_qemu_is_driven_by_its_firmware_and_judged(judged: Vringer) -> None:
    names = ["frontend/stop/bases-run-freely", "frontend/log/cancelled", "frontend/life/keeps-the-rules"]
    code, shown, results = judge(judged, "qemu", *names)
    assert (code, {r["verdict"] for r in results}) == (0, {"pass"}), shown


@needs_qemu
def test_the_deadlock_of_qemu_is_shown_as_a_cycle_and_cleared_away(judged: Vringer) -> None:
    code, shown, results = judge(judged, "qemu", "frontend/deadlock/answers-channel-while-waiting")
    result = results[0]
    assert (code, result["verdict"], result["ending"]) == (0, "fail", "hung, and has no pulse"), shown
    assert result["waits"].count("waits for") == 3
    assert result["reading"] == "blocks on the main socket: deadlock"
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if str(judged.tmp) in command(pid)]


def command(process: Path) -> str:
    """Its command line; empty if it has ended."""
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
