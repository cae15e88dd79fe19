# SPDX-License-Identifier: Apache-2.0
"""A player that stays is asked for runs, and tells how each began and ended."""

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

NUMBER = struct.Struct("=i")
FOREVER = "title It waits for what never comes\n\n<- GET_FEATURES within 600s\n"


class Stage:
    def __init__(self, program: Path) -> None:
        self.program = program
        self.asked, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self.process = subprocess.Popen([program, "--stage", str(its.fileno())],
                                            pass_fds=[its.fileno()])

    def ask(self, request: bytes) -> tuple[int, int]:
        """Where to read what it prints, and what the stage tells."""
        (output, out), (status, told) = os.pipe(), os.pipe()
        socket.send_fds(self.asked, [request], [out, out, told])
        os.close(out)
        os.close(told)
        return output, status

    def run(self, *words: str) -> tuple[int, str]:
        """The exit status of a run, and what it printed."""
        output, status = self.ask(b"".join(os.fsencode(word) + b"\0"
                                           for word in (str(self.program), *words)))
        with open(output, "rb") as printed, open(status, "rb") as told:
            text = printed.read().decode()
            assert NUMBER.unpack(told.read(NUMBER.size))[0] > 0
            return os.waitstatus_to_exitcode(NUMBER.unpack(told.read())[0]), text


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


@pytest.mark.parametrize("request_", [b"no NUL behind it", b"x\0" * 300])
def test_what_is_no_request_ends_it(stage: Stage, request_: bytes) -> None:
    output, status = stage.ask(request_)
    with open(output, "rb") as printed, open(status, "rb") as told:
        assert (printed.read(), told.read()) == (b"", b"")
    assert stage.process.wait(20) == 0


def test_runs_end_with_the_stage(tmp_path: Path) -> None:
    stage = Stage(BIN / "vu-frontend")
    scenario = tmp_path / "forever.vus"
    scenario.write_text(FOREVER, encoding="utf-8")
    words = [str(stage.program), "--die-with-parent", "--listen", str(tmp_path / "socket"),
             "--scale", "0", str(scenario)]
    output, status = stage.ask(b"".join(os.fsencode(word) + b"\0" for word in words))
    with open(output, "rb") as printed, open(status, "rb") as told:
        assert NUMBER.unpack(told.read(NUMBER.size))[0] > 0
        stage.process.send_signal(signal.SIGKILL)
        assert told.read() == b""
        printed.read()  # comes to its end when the run does
    stage.process.wait(20)
    stage.asked.close()
