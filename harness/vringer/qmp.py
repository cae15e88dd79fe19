# SPDX-License-Identifier: Apache-2.0
"""`vringer qmp`: asks a QEMU by its monitor. Triggers and hooks of candidates are made of it."""

from __future__ import annotations

import argparse
import json
import shlex
import socket
from typing import Any

from vringer.errors import HarnessError, UsageError
from vringer.summary import Exit

WITHIN_SECONDS = 20.0
EVENT = "@"


class Monitor:
    """A connection to the monitor that listens at a path; every wait has a deadline."""

    def __init__(self, path: str, within: float = WITHIN_SECONDS) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(within)
        self._socket.connect(path)
        self._lines = self._socket.makefile("rw", encoding="utf-8")
        self._events: list[dict[str, Any]] = []
        self._answer()  # the greeting
        self.ask("qmp_capabilities")

    def _next(self) -> dict[str, Any]:
        for line in self._lines:
            message: dict[str, Any] = json.loads(line)
            return message
        raise HarnessError("the monitor was closed")

    def _answer(self) -> dict[str, Any]:
        """The next message that is no event; events are kept."""
        while "event" in (message := self._next()):
            self._events.append(message)
        return message

    def await_event(self, name: str, **data: Any) -> None:
        """Wait for the event @name with this @data, unless it came already."""
        while not self._took_event(name, data):
            self._events.append(self._next())

    def _took_event(self, name: str, data: dict[str, Any]) -> bool:
        while self._events:
            event = self._events.pop(0)
            if event["event"] == name and data.items() <= event.get("data", {}).items():
                return True
        return False

    def ask(self, command: str, **arguments: Any) -> Any:
        """Have @command carried out; what it returns."""
        print(json.dumps({"execute": command, "arguments": arguments}), file=self._lines,
              flush=True)
        answer = self._answer()
        if "error" in answer:
            raise HarnessError(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def close(self) -> None:
        self._socket.close()


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
