# SPDX-License-Identifier: Apache-2.0
"""What a process that does not answer is doing: its threads, where the kernel has them wait, its sockets' queues."""

from __future__ import annotations

from pathlib import Path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return "?"


def threads(pid: int) -> list[str]:
    """A line a thread: its name, state, and where in the kernel it waits."""
    lines = []
    for task in sorted(Path(f"/proc/{pid}/task").glob("[0-9]*"), key=lambda path: int(path.name)):
        state = _text(task / "stat").rpartition(")")[2].split()[:1]
        call = _text(task / "syscall").split()[:2]
        lines.append(f"    {_text(task / 'comm')} ({task.name}): {''.join(state)}, in {_text(task / 'wchan')}"
                     f", system call {' '.join(call)}")
    return lines


def sockets(path: Path) -> list[str]:
    """The ends of @path that are open."""
    table = _text(Path("/proc/net/unix")).splitlines()
    return [f"    {line.split(None, 4)[-1]}" for line in table if line.endswith(str(path))]


def report(what: str, pid: int) -> str:
    """A paragraph on one process."""
    if not Path(f"/proc/{pid}").exists():
        return f"  {what} ({pid}) has ended"
    return "\n".join([f"  {what} ({pid}):", *threads(pid)])
