# SPDX-License-Identifier: Apache-2.0
"""Leaves no process behind: orphans of a player become children of ours and are ended here.

A subject that turns itself into a daemon, or one whose player was killed, would
else live on as a child of init.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

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
    lists = Path("/proc/self/task").glob("*/children")
    return {int(pid) for path in lists for pid in path.read_text(encoding="ascii").split()}


def _name(pid: int) -> str:
    """Its name if it still runs; empty for what has ended and waits to be reaped."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    name, _, rest = stat.partition("(")[2].rpartition(") ")
    return "" if rest.startswith("Z") else name


def kill(known: set[int]) -> str:
    """End every child that is not in @known, and theirs in turn; returns the names of those."""
    names = []
    for _ in range(ROUNDS):
        strange = children() - known
        if not strange:
            break
        for pid in strange:
            names.append(_name(pid))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return ", ".join(name for name in names if name)
