# SPDX-License-Identifier: Apache-2.0
"""A player that stays is asked for runs, and tells how each ended."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from built import BIN

STATUS = struct.Struct("=i")
INTERRUPTED = 4
AT_ONCE = "title It asks for the features\nsubject back-end\n\n-> GET_FEATURES\n"
FOREVER = "title It waits for what never comes\nsubject back-end\n\n<- GET_FEATURES within 600s\n"


class Stage:
    def __init__(self, program: Path) -> None:
        self.program = program
        self.asked, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self.process = subprocess.Popen([program, "--stage", str(its.fileno())],
                                            pass_fds=[its.fileno()])

    def ask(self, request: bytes) -> int:
        """Where to read what it prints."""
        output, out = os.pipe()
        socket.send_fds(self.asked, [request], [out, out])
        os.close(out)
        return output

    def run(self, *words: str) -> tuple[int, str]:
        """The exit status of a run, and what it printed."""
        output = self.ask(request(str(self.program), *words))
        with open(output, "rb") as printed:
            text = printed.read().decode()
        return STATUS.unpack(self.asked.recv(STATUS.size))[0], text


def request(*words: str) -> bytes:
    return b"".join(os.fsencode(word) + b"\0" for word in words)


@pytest.fixture(name="stage", params=["vu-frontend", "vu-backend"])
def a_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    stage = Stage(BIN / request.param)
    yield stage
    stage.asked.close()
    assert stage.process.wait(20) == 0


def test_each_run_is_as_from_a_command_line(stage: Stage) -> None:
    for _ in range(2):
        code, quirks = stage.run("--list-quirks")
        assert code == 0 and "clause" not in quirks.split()[0] and len(quirks) > 1000
        assert stage.run("--nonsense")[0] == 2


def test_it_ends_when_nobody_can_ask_any_more(stage: Stage) -> None:
    stage.asked.close()
    assert stage.process.wait(20) == 0


def test_nothing_is_left_of_a_run(tmp_path: Path) -> None:
    stage = Stage(BIN / "vu-frontend")
    scenario = tmp_path / "short.vus"
    scenario.write_text(AT_ONCE, encoding="utf-8")
    kept = f"/proc/{stage.process.pid}/fd"
    stage.run("--list-quirks")
    before = os.listdir(kept)
    for _ in range(3):
        code, chart = stage.run("--run", "false", "--events", str(tmp_path / "events"), str(scenario))
        assert code == 1 and "exited with status 1" in chart
    assert os.listdir(kept) == before
    stage.asked.close()
    stage.process.wait(20)


@pytest.mark.parametrize("bad", [b"no NUL behind it", b"x\0" * 300])
def test_what_is_no_request_ends_it(stage: Stage, bad: bytes) -> None:
    with open(stage.ask(bad), "rb") as printed:
        assert printed.read() == b""
    assert stage.asked.recv(STATUS.size) == b""
    assert stage.process.wait(20) == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_a_run_can_be_ended(tmp_path: Path, name: str) -> None:
    """And with it the stage: what was meant for one run may come after it."""
    stage = Stage(BIN / "vu-frontend")
    scenario = tmp_path / "forever.vus"
    scenario.write_text(FOREVER, encoding="utf-8")
    waiting = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as subject:
        subject.bind(str(waiting))
        subject.listen()
        output = stage.ask(request(str(stage.program), "--socket", str(waiting), str(scenario)))
        with subject.accept()[0]:
            stage.process.send_signal(signal.Signals[name])
            with open(output, "rb") as printed:
                printed.read()  # comes to its end when the run does
            answer = stage.asked.recv(STATUS.size)
    assert answer == (STATUS.pack(INTERRUPTED) if name == "SIGTERM" else b"")
    assert stage.process.wait(20) == -signal.Signals[name]
    stage.asked.close()
