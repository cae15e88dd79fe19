# SPDX-License-Identifier: Apache-2.0
"""QEMU's monitor, with deadlines and events in order; and `vringer qmp`, of which triggers and hooks are made."""

from __future__ import annotations

import argparse
import itertools
import json
import shlex
import socket
from pathlib import Path
from typing import Any, Callable

from vringer.deadline import Deadline, Late
from vringer.errors import HarnessError, UsageError
from vringer.summary import Exit

WITHIN_SECONDS = 20.0
EVENT = "@"

Message = dict[str, Any]


class Refused(HarnessError):
    """QEMU answered with an error."""


class Monitor:
    """A connection to the monitor that listens at a path; every wait has a deadline, and ends with an OSError when
    nothing comes of it."""

    def __init__(self, path: str | Path, within: float = WITHIN_SECONDS) -> None:
        self.within = within
        self.events: list[Message] = []
        self._rest = b""
        self._numbers = itertools.count()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(within)
            self._socket.connect(str(path))
            greeting = self._read(Deadline(within))
            offered = greeting.get("QMP", {}).get("capabilities", [])
            self.ask("qmp_capabilities", enable=[name for name in offered if name == "oob"])
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def ask(self, command: str, within: float | None = None, /, **arguments: Any) -> Any:
        """Have @command carried out; what it returns."""
        return self._ask("execute", command, within or self.within, arguments)

    def oob(self, command: str, **arguments: Any) -> Any:
        """Have @command carried out even while QEMU's main loop is stuck."""
        return self._ask("exec-oob", command, self.within, arguments)

    def event(self, wanted: Callable[[Message], bool], what: str, within: float | None = None) -> Message:
        """The first event that is @wanted; what came before it is dropped."""
        deadline = Deadline(within or self.within)
        while True:
            while self.events:
                if wanted(event := self.events.pop(0)):
                    return event
            self._keep(self._read(deadline, f"event that says {what}"))

    def await_event(self, name: str, /, **data: Any) -> Message:
        """Wait for the event @name with this @data, unless it came already."""
        def says(event: Message) -> bool:
            return bool(event["event"] == name and data.items() <= event.get("data", {}).items())

        return self.event(says, f"{name} {data or ''}".strip())

    def _ask(self, how: str, command: str, within: float, arguments: dict[str, Any]) -> Any:
        deadline, number = Deadline(within), next(self._numbers)
        request = {how: command, "arguments": arguments, "id": number}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self._read(deadline, f"answer to {command}")
            self._keep(answer)
            if answer.get("id") != number:  # such as one that came too late for who asked
                continue
            if "error" in answer:
                raise Refused(f"{command}: {answer['error']['desc']}")
            return answer["return"]

    def _keep(self, message: Message) -> None:
        if "event" in message:
            self.events.append(message)

    def _read(self, deadline: Deadline, what: str = "greeting") -> Message:
        while b"\n" not in self._rest:
            if deadline.over:
                raise Late(f"QMP: no {what} in time")
            self._socket.settimeout(deadline.left)
            try:
                received = self._socket.recv(65536)
            except TimeoutError as error:
                raise Late(f"QMP: no {what} in time") from error
            if not received:
                raise ConnectionError(f"QMP: the monitor was closed; no {what}")
            self._rest += received
        line, self._rest = self._rest.split(b"\n", 1)
        message: Message = json.loads(line)
        return message


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """`migrate uri=exec:true` as a command and its arguments."""
    name, *pairs = shlex.split(text) or [""]
    if not name or not all("=" in pair for pair in pairs):
        raise UsageError(f"{text!r} is no command for a monitor", "write: NAME [ARGUMENT=VALUE]...")
    return name, {key: _value(value) for key, _, value in (pair.partition("=") for pair in pairs)}


def add(commands: Any) -> None:
    """The command line of `vringer qmp`."""
    qmp = commands.add_parser("qmp", help="ask a QEMU by its monitor, as triggers do")
    qmp.add_argument("socket", help="where the monitor listens")
    qmp.add_argument("command", nargs="+", help="such as stop, or 'migrate uri=exec:true'; with an @ it is an "
                     "event that is awaited, such as '@MIGRATION status=completed'")
    qmp.add_argument("--within", type=float, default=WITHIN_SECONDS, metavar="SECONDS",
                     help="how long to wait for each answer")
    qmp.set_defaults(action=_run)


def _run(args: argparse.Namespace) -> int:
    asked = [parse(text) for text in args.command]
    try:
        monitor = Monitor(args.socket, args.within)
        for command, arguments in asked:
            if command.startswith(EVENT):
                monitor.await_event(command.removeprefix(EVENT), **arguments)
            else:
                print(json.dumps(monitor.ask(command, **arguments)))
        monitor.close()
    except OSError as error:
        raise HarnessError(f"{args.socket}: the monitor does not answer: {error}") from error
    return Exit.EXPECTED
