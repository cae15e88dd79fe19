# SPDX-License-Identifier: Apache-2.0
"""The host's end of the line to the agent in the guest (fixtures/guest/agent)."""

from __future__ import annotations

import itertools
import re
import socket
import threading
from pathlib import Path
from typing import Callable

from vringer.deadline import Deadline, Late

BOOT_SECONDS = 240
ANSWER_SECONDS = 60
SEQUENCE = re.compile(r"(?:seq|end) (\d+)")
numbers = itertools.count(1)


class GuestError(AssertionError):
    """The guest says that something went wrong."""


class Stalled(Late):
    """The guest answers, and its steady I/O does not go on."""


class Agent:
    """Asks the guest, and listens to what it tells unasked. A thread reads, so that the guest never waits."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for line in self.socket.makefile("r", encoding="utf-8", errors="replace"):
                with self._changed:
                    self.lines.append(line.strip())
                    self._changed.notify_all()
        except OSError:
            pass
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def close(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def line(self, wanted: Callable[[str], bool], what: str, seconds: float, since: int = 0) -> str:
        """The first line from number @since on that is @wanted; GuestError if the guest finds a fault before."""
        deadline = Deadline(seconds)
        with self._changed:
            while True:
                for line in self.lines[since:]:
                    if wanted(line):
                        return line
                    if line.startswith("bad "):
                        raise GuestError(line)
                since = len(self.lines)
                if self._closed:
                    raise GuestError(f"the guest is gone, without {what}")
                if not self._changed.wait(deadline.left):
                    raise Late(f"the guest: no {what} within {seconds:g} s; last lines: {self.lines[-3:]}")

    def ask(self, verb: str, *words: object, seconds: float = ANSWER_SECONDS) -> str:
        """What the agent answers, or GuestError."""
        number = f"#{next(numbers)}"
        since = len(self.lines)
        self.send(number, verb, *words)
        answer = self.line(lambda line: line.startswith(f"{number} "), f"answer to {verb}", seconds, since)
        status, _, text = answer.removeprefix(f"{number} ").partition(" ")
        if status != "0":
            raise GuestError(f"{verb} {' '.join(map(str, words))}: {text or status}")
        return text

    def send(self, *words: object) -> None:
        """Say a line, and expect nothing."""
        self.socket.sendall((" ".join(map(str, words)) + "\n").encode())

    def hello(self, since: int = 0, seconds: float = BOOT_SECONDS) -> None:
        """Wait until the guest has booted, as seen from line @since on."""
        self.line(lambda line: line.startswith("hello "), "greeting", seconds, since)

    @property
    def sequence(self) -> int:
        """The last number that the guest's steady I/O told."""
        told = (SEQUENCE.match(line) for line in reversed(self.lines))
        return next((int(match.group(1)) for match in told if match), 0)

    def goes_on(self, seconds: float = ANSWER_SECONDS) -> int:
        """See the steady I/O get further than it was when the guest answered; the number it got to."""
        self.ask("ping")
        since, reached = len(self.lines), self.sequence
        try:
            line = self.line(lambda line: bool((m := SEQUENCE.match(line)) and int(m.group(1)) > reached),
                             f"number after {reached}", seconds, since)
        except Late as error:
            raise Stalled(str(error)) from error
        return int(line.split()[1])

    def stops(self, seconds: float = ANSWER_SECONDS) -> str:
        """End the steady I/O, which looks at all that it wrote once more; its last line."""
        since = len(self.lines)
        self.ask("stop")
        return self.line(lambda line: line.startswith("end "), "end of the steady I/O", seconds, since)
