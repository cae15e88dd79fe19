# SPDX-License-Identifier: Apache-2.0
"""Subjects that misbehave, each played by vu-frontend: a verdict, a reason, nothing left behind."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from typing import Any

import pytest

from conftest import HERE, Vringer, needs_player
from test_leftovers import PATIENCE, WAYS, ended, of_run

pytestmark = needs_player

SUBJECT = HERE / "subjects" / "misbehaving.py"
ASK = "-> GET_FEATURES\n<- GET_FEATURES"


def backend(kind: str, *more: str) -> str:
    return f"{shlex.quote(str(SUBJECT))} {kind} {{socket}} {' '.join(more)}"


def judge(real: Vringer, kind: str, workers: int = 0) -> tuple[int, str, dict[str, Any]]:
    real.scenario("one", ASK)
    code, shown, results = real.judge("--scale", "0.1", backend=backend(kind), workers=workers)
    return code, shown, results[0]


def test_one_that_answers_passes(real: Vringer) -> None:
    code, _, result = judge(real, "answers")
    assert (code, result["verdict"], result["ending"]) == (0, "pass", "clean")


@pytest.mark.parametrize("kind, verdict, told", [
    ("exits_at_once", "inconclusive", "exited with status 7"),
    ("never_listens", "inconclusive", "did not listen"),
    ("garbage", "fail", ""), ("flood", "fail", ""), ("closes_mid_message", "fail", ""),
    ("thousand_fds", "fail", ""), ("hangs", "fail", ""), ("crashes", "fail", "")])
def test_one_that_misbehaves_gets_a_verdict_and_a_reason(real: Vringer, kind: str, verdict: str,
                                                         told: str) -> None:
    code, shown, result = judge(real, kind)
    assert (code, result["verdict"]) == (1, verdict)
    assert result["evidence"]["reason"] and told in result["evidence"]["reason"]
    assert "Traceback" not in shown


@pytest.mark.parametrize("kind, ending", [("hangs", "hung"), ("crashes", "crashed SIGABRT"),
                                          ("exits_at_once", "exited 7")])
def test_how_it_ended_is_told(real: Vringer, kind: str, ending: str) -> None:
    _, shown, result = judge(real, kind)
    assert result["ending"] == ending
    assert ending in shown


def test_its_last_words_are_shown(real: Vringer) -> None:
    assert "cannot open the disk image" in judge(real, "exits_at_once")[1]


def test_the_rest_of_the_run_goes_on(real: Vringer) -> None:
    real.scenario("one", ASK)
    out = real.folder / "results.json"
    good, bad = (real.candidate(name, f'name = "{name}"\ndevice = "blk"\ncommand = "{command}"')
                 for name, command in (("good", backend("answers")), ("bad", backend("garbage"))))
    done = real.run("run", "--backend", str(bad), "--backend", str(good), "--json", str(out),
                    "--output", "out", "own")
    results = json.loads(out.read_text(encoding="utf-8"))["results"]
    assert [(r["subject"], r["verdict"]) for r in results] == [("bad", "fail"), ("good", "pass")]
    assert done.returncode == 1


def test_a_daemon_of_the_subject_is_ended(real: Vringer) -> None:
    code, _, _ = judge(real, "becomes_a_daemon")
    assert code == 0
    assert not of_run(real)


def test_a_relative_path_of_a_program_works(real: Vringer) -> None:
    (real.folder / "mine").symlink_to(SUBJECT)
    real.scenario("one", ASK)
    assert real.judge(backend="./mine answers {socket}")[0] == 0


def test_fragments_are_found_from_anywhere(real: Vringer) -> None:
    real.scenario("one", "use offers")
    assert real.judge(backend=backend("answers"))[0] == 0
    real.scenario("one", "use nowhere")
    code, shown, _ = real.judge(backend=backend("answers"))
    assert code == 4 and "there is no such fragment" in shown


def start_hanging(real: Vringer, way: tuple[str, str]) -> subprocess.Popen[bytes]:
    begun = real.folder / "begun"
    os.mkfifo(begun)
    real.scenario("one", ASK.replace("<- GET_FEATURES", "<- GET_FEATURES within 600s"))
    process = subprocess.Popen(
        real.command("run", "--backend", backend("hangs", str(begun)), "--device", "blk", *way,
                     "--output", "out", "own"), env=real.environment,
        cwd=real.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    with begun.open("rb") as fifo:
        assert fifo.read(1) == b"."
    return process


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_ended_run_leaves_no_process_and_no_directory(real: Vringer, way: tuple[str, str],
                                                         how: signal.Signals) -> None:
    process = start_hanging(real, way)
    processes = of_run(real)
    assert len(processes) >= 3  # the run, the player, the subject
    assert list(real.tmp.iterdir())
    process.send_signal(how)
    process.communicate(timeout=PATIENCE)
    assert ended(processes)
    assert not list(real.tmp.iterdir())


def test_a_killed_player_costs_one_verdict(real: Vringer) -> None:
    process = start_hanging(real, WAYS[0])
    players = [pid for pid in of_run(real) if os.path.basename(
        os.readlink(f"/proc/{pid}/exe")) == real.player.name]
    os.kill(players[0], signal.SIGKILL)
    shown = process.communicate(timeout=PATIENCE)[0].decode()
    assert "vu-frontend was killed by SIGKILL" in shown
    assert process.returncode == 4
    assert not of_run(real)
    assert not list(real.tmp.iterdir())
