# SPDX-License-Identifier: Apache-2.0
"""A player that stays and plays what it is asked for, one after the other: to start a program
takes longer than most scenarios. peers/play/stage.h has the protocol.
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

STATUS = struct.Struct("=i")
GRACE_SECONDS = 5.0


@cache
def _environment() -> dict[str, str]:
    """Ours, without what this command, pytest and its workers put there."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "VRINGER_"))}


class Stage:
    """A process that waits to be asked. It ends when this one does, and its run with it."""

    def __init__(self, program: str) -> None:
        self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self._process = subprocess.Popen([program, "--stage", str(its.fileno())],
                                             pass_fds=[its.fileno()], stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                             start_new_session=True, env=_environment())
        self.program = program
        self.pid = self._process.pid
        self.stands = True  # whether it can be asked for more

    def start(self, arguments: list[str]) -> Actor:
        """Have it run with @arguments, the program's name first; it has to have ended the last."""
        return Actor(self, arguments)

    def ask(self, arguments: list[str], output: int, errors: int) -> None:
        """Send a request; the descriptors remain the caller's."""
        words = os.fsencode("\0".join([*arguments, ""]))
        socket.send_fds(self._socket, [words], [output, errors])

    def answer(self, seconds: float) -> int | None:
        """How the run ended, as of Popen; None if it has not after @seconds."""
        answered = select.poll()
        answered.register(self._socket, select.POLLIN)
        if not answered.poll(seconds * 1000):
            return None
        with suppress(ConnectionError):
            if data := self._socket.recv(STATUS.size):
                return int(STATUS.unpack(data)[0])
        self.stands = False
        return self._process.wait()

    def terminate(self) -> None:
        """Ask its run to end: that ends its subject when it is asked nicely."""
        self.stands = False
        self._process.terminate()

    def kill(self) -> None:
        """End it and all that is in its session's group."""
        self.stands = False
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """No more will be asked for."""
        self.stands = False
        self._socket.close()
        self._process.wait()


class Actor:
    """One run on a stage; what it prints comes by `output` and `errors`."""

    def __init__(self, stage: Stage, arguments: list[str]) -> None:
        self.stage = stage
        self.returncode: int | None = None
        self.output, output = os.pipe()
        self.errors, errors = os.pipe()
        try:
            stage.ask(arguments, output, errors)
        except OSError:
            stage.stands = False
            self.close()
            raise
        finally:
            os.close(output)
            os.close(errors)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, after @seconds at the latest; then `returncode` is as of Popen."""
        if self.returncode is None:
            self.returncode = self.stage.answer(seconds)
        return self.returncode is not None

    def end(self) -> None:
        """End it, nicely if it lets us."""
        if not self.wait(0):
            self.stage.terminate()
            if not self.wait(GRACE_SECONDS):
                self.stage.kill()
                self.wait(GRACE_SECONDS)

    def close(self) -> None:
        """Give back the descriptors."""
        os.close(self.output)
        os.close(self.errors)
