# SPDX-License-Identifier: Apache-2.0
"""vu-backend keeps to the conventions of back-end programs: options, capabilities, exit."""

from __future__ import annotations

import json
import signal
import socket
import struct
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest

from built import BACKEND

GET_FEATURES = struct.pack("=III", 1, 1, 0)
SECONDS = 10


def finish(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BACKEND, *args], capture_output=True, text=True, timeout=SECONDS)


def start(*args: str, **how: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([BACKEND, *args], stderr=subprocess.PIPE, **how)


def ask(sock: socket.socket) -> tuple[int, ...]:
    sock.settimeout(SECONDS)
    sock.sendall(GET_FEATURES)
    return struct.unpack("=IIIQ", sock.recv(64))


def stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    with process:
        return process.wait(SECONDS)


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "socket"))
        sock.listen()
        yield sock


def client_of(listener: socket.socket) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(listener.getsockname())
    return sock


@pytest.mark.parametrize("device, kind", [("blk", "block"), ("net", "net"), ("rng", "rng"), ("fs", "fs")])
def test_capabilities(device: str, kind: str) -> None:
    run = finish("--print-capabilities", f"--device={device}")
    assert run.returncode == 0
    assert json.loads(run.stdout)["type"] == kind


def test_capabilities_of_a_disk() -> None:
    assert json.loads(finish("--print-capabilities").stdout)["features"] == ["read-only", "blk-file"]


def test_with_print_capabilities_the_rest_is_ignored(tmp_path: Path) -> None:
    run = finish("--fd=99", f"--socket-path={tmp_path}/socket", "--nonsense", "--print-capabilities", "left over")
    assert run.returncode == 0 and json.loads(run.stdout)
    assert not (tmp_path / "socket").exists()


@pytest.mark.parametrize("args", [
    [], ["--socket-path=/nowhere/socket", "--fd=3"], ["--fd=-1"], ["--fd=x"], ["--device=toaster"], ["--queues=0"],
    ["--size=1X"], ["--with=bells"], ["--nonsense"], ["operand"], ["--connect", "--fd=3"],
])
def test_wrong_use_ends_early(args: list[str]) -> None:
    run = finish(*args)
    assert run.returncode == 2 and run.stderr and not run.stdout


@pytest.mark.parametrize("args", [
    ["--socket-path=/nowhere/socket"], ["--fd=99"], ["--socket-path=/tmp/" + "x" * 200], ["--blk-file=/nowhere/disk", "--fd=0"],
])
def test_what_cannot_be_had_ends_early(args: list[str]) -> None:
    run = finish(*args)
    assert run.returncode == 1 and run.stderr


def test_sigterm_ends_it_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    process = start(f"--socket-path={path}")
    try:
        with connected(path, process) as sock:
            assert ask(sock)[1] == 5
    finally:
        assert stop(process) == 0
    assert not path.exists()


def connected(path: Path, process: subprocess.Popen[bytes]) -> socket.socket:
    """A connection to @process as soon as it listens: the socket is there a little sooner."""
    sock = socket.socket(socket.AF_UNIX)
    while sock.connect_ex(str(path)):
        assert process.poll() is None
    return sock


def test_fd_that_listens(listener: socket.socket) -> None:
    process = start(f"--fd={listener.fileno()}", pass_fds=[listener.fileno()])
    try:
        for _ in range(2):
            with client_of(listener) as sock:
                assert ask(sock)[0] == 1
    finally:
        assert stop(process) == 0


def test_fd_that_is_connected() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = start(f"--fd={theirs.fileno()}", pass_fds=[theirs.fileno()])
        theirs.close()
        assert ask(ours)[0] == 1
    with process:
        assert process.wait(SECONDS) == 0


def test_it_connects_when_told_to(listener: socket.socket) -> None:
    process = start(f"--socket-path={listener.getsockname()}", "--connect")
    listener.settimeout(SECONDS)
    with listener.accept()[0] as sock:
        assert ask(sock)[0] == 1
    with process:
        assert process.wait(SECONDS) == 0


def test_once_is_once(listener: socket.socket) -> None:
    process = start(f"--fd={listener.fileno()}", "--once", pass_fds=[listener.fileno()])
    with client_of(listener) as sock:
        ask(sock)
    with process:
        assert process.wait(SECONDS) == 0
