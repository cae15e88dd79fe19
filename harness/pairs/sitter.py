# SPDX-License-Identifier: Apache-2.0
"""Waits for the end of the process that started it, whatever ended it; then leaves nothing of it behind.

    sitter.py FOLDER

Everything that the pair tests start has the name of their folder in its command line.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

ROUNDS = 100


def processes_of(folder: Path) -> list[int]:
    """The processes, but for this one, that mention @folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            mentions = os.fsencode(folder) + b"/" in path.read_bytes()
        except OSError:
            continue
        if mentions and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return found


def clean(folder: Path) -> None:
    """Kill what mentions @folder and remove it."""
    for _ in range(ROUNDS):
        if not (running := processes_of(folder)):
            break
        for pid in running:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.read()
    clean(Path(sys.argv[1]))
