# SPDX-License-Identifier: Apache-2.0
"""Deadlines: nothing here waits without one. $VRINGER_DEADLINE_SCALE stretches all of them."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any, Callable

SCALE = float(os.environ.get("VRINGER_DEADLINE_SCALE", "1"))
POLL_SECONDS = 0.01


class Late(TimeoutError):
    """Something did not happen in time."""


class Deadline:
    """A moment that lies so many seconds ahead."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds * SCALE

    @property
    def left(self) -> float:
        return max(0.0, self.end - time.monotonic())

    @property
    def over(self) -> bool:
        return not self.left


def until(condition: Callable[[], Any], what: str, seconds: float) -> Any:
    """What @condition says as soon as it is true, for what nobody announces."""
    deadline = Deadline(seconds)
    while not (value := condition()):
        if deadline.over:
            raise Late(f"{what}: not within {seconds:g} s")
        threading.Event().wait(POLL_SECONDS)
    return value


def call(function: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
    """Call what may never return, in a thread of its own, which is left behind when it is late."""
    outcome: list[tuple[Any, BaseException | None]] = []

    def run() -> None:
        try:
            outcome.append((function(*arguments), None))
        except BaseException as error:  # handed on to who waits
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds * SCALE)
    if not outcome:
        raise Late(f"{function.__name__}: not within {seconds:g} s")
    value, error = outcome[0]
    if error:
        raise error
    return value


def listens(path: Path) -> bool:
    """Whether somebody listens at @path. To connect would tell as well, and use up the one connection of some."""
    accepts = f"{1 << 16:08X}"  # __SO_ACCEPTCON
    for line in Path("/proc/net/unix").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[-1] == str(path) and words[3] == accepts:
            return True
    return False
