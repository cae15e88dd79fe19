# SPDX-License-Identifier: Apache-2.0
"""What a process that does not answer is doing, as `vringer run` tells it, and its sockets' queues."""

from __future__ import annotations

from pathlib import Path

from vringer.diagnose import report, threads

__all__ = ["report", "sockets", "threads"]


def sockets(path: Path) -> list[str]:
    """The ends of @path that are open."""
    table = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()
    return [f"    {line.split(None, 4)[-1]}" for line in table if line.endswith(str(path))]
