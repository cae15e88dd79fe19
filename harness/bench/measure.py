# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: where the programs are, what a process took, and how a figure is shown."""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("VRINGER_BUILD", ROOT / "build"))
PLAYER = BUILD / "bin" / "vu-frontend"
VRINGER = BUILD / "bin" / "vringer"
SCENARIOS = ROOT / "scenarios"
LOOK_EVERY = 500  # messages
LOOK_AGAIN = 0.001  # seconds


@dataclass
class Cost:
    """What a process took until it was gone."""

    wall: float  # seconds
    cpu: float  # seconds
    memory: int  # largest resident set that was seen, in KiB


def show(name: str, value: float, limit: float) -> None:
    """One figure a line; what is over its limit says so."""
    print(f"{name} {value:.2f} {limit:.2f}{' OVER' if value > limit else ''}", flush=True)


def peak(pid: int) -> int:
    """The largest resident set so far. What wait4() tells includes that of this process before exec."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next((int(line.split()[1]) for line in status.splitlines()
                 if line.startswith("VmHWM")), 0)


def cost(words: list[Any], follow: Callable[[subprocess.Popen[bytes]], int] = lambda process: 0,
         **options: Any) -> Cost:
    """Run @words; they have to succeed. @follow attends to the process and tells its memory."""
    begun = time.monotonic()
    process = subprocess.Popen([str(word) for word in words], **options)
    memory = follow(process)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit status {process.returncode}")
    return Cost(time.monotonic() - begun, usage.ru_utime + usage.ru_stime, memory)


def candidate(name: str) -> dict[str, Any]:
    """How a candidate is started."""
    return tomllib.loads((ROOT / f"fixtures/candidates/{name}.toml").read_text(encoding="utf-8"))


def _connected(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Come back when something listens at @path; @process is what should."""
    with select.epoll() as nothing:
        while process.poll() is None:
            with socket.socket(socket.AF_UNIX) as peer, suppress(OSError):
                peer.connect(str(path))
                return
            nothing.poll(LOOK_AGAIN)
    sys.exit(f"the subject ended before anybody could connect: exit status {process.returncode}")


def start_and_end(subject: dict[str, Any]) -> None:
    """Set up, start, connect and end a candidate, as plainly as can be."""
    with tempfile.TemporaryDirectory(prefix="vringer-") as folder:
        setup, command = (subject[key].replace("{dir}", folder).replace("{socket}", f"{folder}/socket")
                          for key in ("setup", "command"))
        subprocess.run(["sh", "-c", f"exec {setup}"], cwd=folder, check=True)
        with subprocess.Popen(["sh", "-c", f"exec {command}"], cwd=folder) as process:
            _connected(Path(folder) / "socket", process)
            process.terminate()


def play_against_echo(scenario: Path, *options: Any) -> Cost:
    """What it takes vu-frontend to play @scenario against a peer that answers each header with a u64."""
    mine, its = socket.socketpair()

    def echo(process: subprocess.Popen[bytes]) -> int:
        its.close()
        memory = answered = 0
        while head := mine.recv(12, socket.MSG_WAITALL):
            request, _flags, _size = struct.unpack("=3I", head)
            answered += 1
            if answered % LOOK_EVERY == 0:
                memory = peak(process.pid)
            mine.sendall(struct.pack("=3IQ", request, 5, 8, 1 << 32))
        return memory

    with mine, its:
        return cost([PLAYER, "--quiet", "--fd", its.fileno(), *options, scenario], echo,
                    pass_fds=[its.fileno()])


def read_output(process: subprocess.Popen[bytes]) -> int:
    """Read all that it prints."""
    memory = 0
    assert process.stdout
    with process.stdout:
        while os.read(process.stdout.fileno(), 1 << 16):
            memory = max(memory, peak(process.pid))
    return memory
