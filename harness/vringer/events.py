# SPDX-License-Identifier: Apache-2.0
"""Reads the player's event stream, JSON Lines, and trusts none of it.

The last event has to be the verdict. Whatever else comes (garbage, half a line,
nothing, a flood) is remembered in bounded space and ends as a verdict `error`.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from vringer.verdict import VERDICTS, Play

LINE_LIMIT = 1 << 20
QUOTED = 80
CONTROLS = {c: "\N{REPLACEMENT CHARACTER}" for c in (*range(32), *range(127, 160))
            if chr(c) not in "\n\t"}


def printable(text: str) -> str:
    """@text without what would steer a terminal: much of it comes from the subject."""
    return text.translate(CONTROLS)


def _value(text: bytes) -> Any:
    """The JSON value that @text is, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _decoded(lines: list[bytes]) -> list[Any]:
    """What each line says, or None. They are taken together, which is faster, if all are sound."""
    together = _value(b"[" + b",".join(lines) + b"]")
    if together is not None and len(together) == len(lines):
        return list(together)
    return [_value(line) for line in lines]


class EventReader:
    """Takes the bytes of a stream as they come; `verdict` is what they told."""

    def __init__(self) -> None:
        self.last_verdict: dict[str, Any] | None = None
        self.connected = False
        self.garbage = ""
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line, event in zip(lines, _decoded(lines)):
            self._event(event, line)
        if len(self._rest) > LINE_LIMIT:
            self._spoilt(self._rest)
            self._rest = b""

    def close(self) -> None:
        """The stream has ended; what has no newline is no event."""
        if self._rest.strip():
            self._spoilt(self._rest)
        self._rest = b""

    def _spoilt(self, line: bytes) -> None:
        self.garbage = self.garbage or ascii(line[:QUOTED].decode(errors="replace"))

    def _event(self, event: Any, line: bytes) -> None:
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            self._spoilt(line)
        elif event["event"] == "verdict":
            self.last_verdict = event
        elif event["event"] == "message":
            self.connected = True


def _like(value: Any, default: Any) -> Any:
    """@value if it is of the kind of @default, which stands in for it otherwise."""
    if isinstance(default, list):
        return [printable(str(v)) for v in value] if isinstance(value, list) else default
    if isinstance(default, str):
        return printable(value) if isinstance(value, str) else default
    return value if type(value) is type(default) else default


def play_of(event: dict[str, Any]) -> Play:
    """The verdict event as a Play; an unknown verdict or a missing one is an error."""
    verdict = event.get("verdict")
    if verdict not in VERDICTS:
        return Play("error", f"vu-frontend gave the verdict {verdict!r}, which there is not")
    play = Play(verdict)
    ours = {"verdict", "violated", "came_up", "chart", "notes", "threads", "evidence"}
    spoken = {f.name for f in fields(Play)} - ours
    for name in spoken & event.keys():
        setattr(play, name, _like(event[name], getattr(play, name)))
    play.violated = _like(event.get("clauses"), [])
    return play
