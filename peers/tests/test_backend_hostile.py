# SPDX-License-Identifier: Apache-2.0
"""vu-backend and front-ends that mean harm: what fuzzing found once does not come back."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import tomllib
from pathlib import Path
from typing import Iterator

import pytest

from built import BACKEND, ROOT

TABLES = tomllib.loads((ROOT / "fixtures/spec/protocol.toml").read_text())
IDS = {m["name"]: m["id"] for m in TABLES["message"] if m["channel"] == "front-end"}
BITS = {f["name"]: f["bit"] for f in TABLES["protocol_feature"]}
PROTOCOL_FEATURES = 1 << 30
LOAD = struct.pack("=II", 1, 0)
SECONDS = 10


class FrontEnd:
    def __init__(self, fd: int) -> None:
        self.sock = socket.socket(fileno=fd)
        self.sock.settimeout(SECONDS)

    def say(self, name: str, payload: bytes = b"", fds: tuple[int, ...] = ()) -> None:
        socket.send_fds(self.sock, [struct.pack("=III", IDS[name], 1, len(payload)) + payload], list(fds))

    def answer(self) -> int:
        _, _, size = struct.unpack("=III", self.sock.recv(12, socket.MSG_WAITALL))
        return int.from_bytes(self.sock.recv(size, socket.MSG_WAITALL), "little")

    def ask(self, name: str, payload: bytes = b"", fds: tuple[int, ...] = ()) -> int:
        self.say(name, payload, fds)
        return self.answer()

    def agree_upon(self, *features: str) -> None:
        self.say("SET_PROTOCOL_FEATURES", struct.pack("=Q", sum(1 << BITS[f] for f in features)))
        self.say("SET_FEATURES", struct.pack("=Q", self.ask("GET_FEATURES") | PROTOCOL_FEATURES))


@pytest.fixture
def front_end() -> Iterator[FrontEnd]:
    ours, theirs = socket.socketpair()
    command = [str(BACKEND), f"--fd={theirs.fileno()}"]
    with subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL) as process:
        theirs.close()
        peer = FrontEnd(ours.detach())
        yield peer
        peer.sock.close()
        assert process.wait(SECONDS) == 0


def load(front_end: FrontEnd, file: int) -> None:
    front_end.agree_upon("DEVICE_STATE")
    front_end.ask("SET_DEVICE_STATE_FD", LOAD, (file,))


@pytest.fixture
def junk(tmp_path: Path) -> Iterator[int]:
    """No state: a file, of which no event tells that it can be read."""
    with (tmp_path / "junk").open("wb+") as file:
        yield file.fileno()


def test_a_state_of_any_length_leaves_others_their_turn(front_end: FrontEnd, junk: int) -> None:
    os.truncate(junk, 1 << 40)
    load(front_end, junk)
    assert front_end.ask("GET_FEATURES") & PROTOCOL_FEATURES
    assert os.lseek(junk, 0, os.SEEK_CUR) < 1 << 29


def test_what_is_no_state_is_read_to_its_end(front_end: FrontEnd, junk: int) -> None:
    os.truncate(junk, 1 << 20)
    load(front_end, junk)
    assert front_end.ask("CHECK_DEVICE_STATE") != 0
    assert os.lseek(junk, 0, os.SEEK_CUR) == 1 << 20
