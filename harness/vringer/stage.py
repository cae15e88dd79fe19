# SPDX-License-Identifier: Apache-2.0
"""Runs of a player, of which one process stays and forks for each: to start a program takes
longer than most scenarios, and holds up every thread here. peers/play/stage.h has the protocol.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
from contextlib import suppress
from functools import cache

NUMBER = struct.Struct("=i")
GRACE_SECONDS = 5.0


@cache
def _environment() -> dict[str, str]:
    """Ours, without what this command, pytest and its workers put there."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "VRINGER_"))}


class Actor:
    """One run: a process that is no child of ours; what it prints comes by `output` and `errors`."""

    def __init__(self, stage: socket.socket, arguments: list[str]) -> None:
        self.returncode: int | None = None
        pipes = [os.pipe() for _ in range(3)]
        self.output, self.errors, self._status = (read for read, _ in pipes)
        try:
            socket.send_fds(stage, [b"".join(os.fsencode(word) + b"\0" for word in arguments)],
                            [write for _, write in pipes])
        except OSError:
            self.close()
            raise
        finally:
            for _, write in pipes:
                os.close(write)
        self.pid = self._number(-signal.SIGKILL)
        if self.pid < 0:
            self.close()
            raise OSError(-self.pid, os.strerror(-self.pid))

    def _number(self, otherwise: int) -> int:
        """What the stage tells next; @otherwise if it is gone."""
        data = os.read(self._status, NUMBER.size)
        return int(NUMBER.unpack(data)[0]) if len(data) == NUMBER.size else otherwise

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, after @seconds at the latest; then `returncode` is as of Popen."""
        if self.returncode is None:
            ended = select.poll()
            ended.register(self._status, select.POLLIN)
            if ended.poll(seconds * 1000):
                self.returncode = os.waitstatus_to_exitcode(self._number(signal.SIGKILL))
        return self.returncode is not None

    def terminate(self) -> None:
        """Ask it to end: it ends its subject when it is asked nicely."""
        if not self.wait(0):
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def end(self) -> None:
        """End it, nicely if it lets us."""
        self.terminate()
        if not self.wait(GRACE_SECONDS):
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.wait(GRACE_SECONDS)

    def close(self) -> None:
        """Give back the descriptors."""
        for fd in (self.output, self.errors, self._status):
            os.close(fd)


class Stage:
    """A player that waits to be asked. It ends when this process does, and its runs with it."""

    def __init__(self, program: str) -> None:
        self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self._process = subprocess.Popen([program, "--stage", str(its.fileno())],
                                             pass_fds=[its.fileno()], stdin=subprocess.DEVNULL,
                                             start_new_session=True, env=_environment())
        self.pid = self._process.pid

    @property
    def stands(self) -> bool:
        """Whether it can be asked for more."""
        return self._process.poll() is None

    def start(self, arguments: list[str]) -> Actor:
        """Have it run with @arguments, the program's name first."""
        return Actor(self._socket, arguments)

    def close(self) -> None:
        """No more will be asked for; what still runs is ended with it."""
        self._socket.close()
        self._process.wait()
