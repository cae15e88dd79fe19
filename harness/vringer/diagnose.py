# SPDX-License-Identifier: Apache-2.0
"""What a process that does not answer is doing: its threads, and where the kernel has them wait.

Nothing of the process is needed for this, and nothing of it is touched. As a program it tells of the
process group that it is given: a player runs it so before it ends a subject that hangs.
"""

from __future__ import annotations

import sys
from pathlib import Path

CALLERS = 4


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _stat(process: Path) -> list[str]:
    """The fields of its stat behind the name, which may hold anything: state, parent, group..."""
    return _text(process / "stat").rpartition(")")[2].split()


def _stack(task: Path) -> str:
    """Who called whom in the kernel, the last one first; only root is told."""
    frames = [line.split()[-1].partition("+")[0] for line in _text(task / "stack").splitlines()]
    return " < ".join(frames[:CALLERS])


def _thread(task: Path) -> str:
    state = "".join(_stat(task)[:1]) or "?"
    call = _text(task / "syscall").split()[:2]
    where = _stack(task) or _text(task / "wchan") or "?"
    return f"    {_text(task / 'comm') or '?'} ({task.name}): {state}, in {where}, " \
        f"system call {' '.join(call) or '?'}"


def threads(pid: int) -> list[str]:
    """A line a thread: its name, state, where in the kernel it waits, and for which system call."""
    tasks = Path(f"/proc/{pid}/task").glob("[0-9]*")
    return [_thread(task) for task in sorted(tasks, key=lambda task: int(task.name))]


def report(what: str, pid: int) -> str:
    """A paragraph on one process."""
    if not Path(f"/proc/{pid}").exists():
        return f"  {what} ({pid}) has ended"
    return "\n".join([f"  {what} ({pid}):", *threads(pid)])


def group(leader: int) -> list[int]:
    """The processes of a group: a subject is the first of its own, whatever it starts."""
    pids = sorted(int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if _stat(Path(f"/proc/{pid}"))[2:3] == [str(leader)]]


def main() -> None:
    """A paragraph on each process of the group."""
    for pid in group(int(sys.argv[1])):
        print(report(_text(Path(f"/proc/{pid}/comm")) or "?", pid))


if __name__ == "__main__":
    main()
