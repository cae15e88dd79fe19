# SPDX-License-Identifier: Apache-2.0
"""Starts players and leaves no process behind.

A subject that turns itself into a daemon, or one whose player was killed, would
live on as a child of init; here it becomes a child of ours and is ended. A player
that still runs has adopted what its own subject left, so that several can run at a
time and none takes another's processes for orphans.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

from vringer.stage import Actor, Stage

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ROUNDS = 100


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def adopt() -> None:
    """From now on, descendants that lose their parent become our children."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it is gone."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def children() -> set[int]:
    """Our children, zombies among them."""
    found: set[int] = set()
    for thread in os.listdir("/proc/self/task"):
        with suppress(FileNotFoundError), open(f"/proc/self/task/{thread}/children", "rb") as pids:
            found.update(map(int, pids.read().split()))
    return found


def _orphans() -> set[int]:
    """Those that were adopted: the kernel gives them to the first thread."""
    return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))


def _name(pid: int) -> str:
    """Its name if it still runs; empty for what has ended and waits to be reaped."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    name, _, rest = stat.partition("(")[2].rpartition(") ")
    return "" if rest.startswith("Z") else name


class Players:
    """The players that run now, started and ended by any thread. Who has played plays again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: set[Stage] = set()
        self._idle: list[Stage] = []
        self._not_ours: set[int] = set()
        self.stopped = False

    def start(self, arguments: list[str]) -> Actor:
        """Start one, unless the run is being ended; ended() is to be told when it has ended."""
        with self._lock:
            if self.stopped:
                raise InterruptedError("the run is being ended")
            if not self._stages:
                self._not_ours = children()
            stage = self._stage(arguments[0])
        try:
            return stage.start(arguments)
        except OSError:
            with self._lock:
                self._dismiss(stage)
            raise

    def _stage(self, program: str) -> Stage:
        for stage in self._idle:
            if stage.program == program:
                self._idle.remove(stage)
                return stage
        stage = Stage(program)
        self._stages.add(stage)
        return stage

    def _dismiss(self, stage: Stage) -> None:
        self._stages.remove(stage)
        stage.close()

    def ended(self, actor: Actor) -> str:
        """It has ended: end what it left behind; returns the names of that."""
        with self._lock:
            if actor.stage.stands:
                self._idle.append(actor.stage)
            else:
                self._dismiss(actor.stage)
            return _kill(self._not_ours | {stage.pid for stage in self._stages})

    def stop(self) -> None:
        """Have whoever watches one end it, and start no more."""
        self.stopped = True

    def close(self) -> None:
        """Nothing runs any more, and nothing will."""
        self.stop()
        with self._lock:
            for stage in self._stages:
                stage.close()
            self._stages.clear()
            self._idle.clear()


def _kill(spared: set[int]) -> str:
    """End every child that is not in @spared, and theirs in turn; returns the names of those."""
    names = []
    for _ in range(ROUNDS):
        strange = _orphans() - spared
        if not strange:
            break
        for pid in strange:
            names.append(_name(pid))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return ", ".join(name for name in names if name)
