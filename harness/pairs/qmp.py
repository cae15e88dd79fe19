# SPDX-License-Identifier: Apache-2.0
"""QEMU's monitor: commands with deadlines, events in order."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Callable

from pairs.deadline import Deadline, Late

ANSWER_SECONDS = 20


class Refused(AssertionError):
    """QEMU answered with an error."""


class Qmp:
    """One monitor connection."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.events: list[dict[str, Any]] = []
        self._rest = b""
        self._read(Deadline(ANSWER_SECONDS))
        self("qmp_capabilities", enable=["oob"])

    def close(self) -> None:
        self.socket.close()

    def __call__(self, command: str, seconds: float = ANSWER_SECONDS, **arguments: Any) -> Any:
        """Execute @command; arguments are spelt with _ for -."""
        return self._ask("execute", command, seconds, arguments)

    def oob(self, command: str, **arguments: Any) -> Any:
        """Execute @command even while QEMU's main loop is stuck."""
        return self._ask("exec-oob", command, ANSWER_SECONDS, arguments)

    def _ask(self, how: str, command: str, seconds: float, arguments: dict[str, Any]) -> Any:
        deadline = Deadline(seconds)
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        request = {how: command, "arguments": named, "id": command}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            try:
                answer = self._read(deadline)
            except Late as error:
                raise Late(f"QMP: no answer to {command} within {seconds:g} s") from error
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise Refused(f"{command}: {answer['error']['desc']}")
            elif answer.get("id") == command:
                return answer["return"]

    def _read(self, deadline: Deadline) -> Any:
        while b"\n" not in self._rest:
            self.socket.settimeout(deadline.left or 0.001)
            try:
                received = self.socket.recv(65536)
            except TimeoutError as error:
                raise Late("QMP: nothing came in time") from error
            if not received:
                raise EOFError("QMP: QEMU closed the monitor")
            self._rest += received
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def event(self, wanted: Callable[[dict[str, Any]], bool], what: str, seconds: float) -> dict[str, Any]:
        """The first event that is @wanted; what came before it is dropped."""
        deadline = Deadline(seconds)
        while True:
            while self.events:
                event = self.events.pop(0)
                if wanted(event):
                    return event
            try:
                message = self._read(deadline)
            except Late as error:
                raise Late(f"QMP: no event that says {what} within {seconds:g} s") from error
            if "event" in message:
                self.events.append(message)
