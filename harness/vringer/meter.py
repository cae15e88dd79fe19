# SPDX-License-Identifier: Apache-2.0
"""The line that tells how far a run is; on a terminal only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


class Meter:
    """So many of so many, and what was last. Any thread may move it on."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (BarColumn, MofNCompleteColumn, Progress, TextColumn,
                                   TimeElapsedColumn)

        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeElapsedColumn(), console=console, transient=True)
        self._task = self._progress.add_task("vringer", total=None)
        self._progress.start()

    def expect(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def reach(self, count: int, what: str | None) -> None:
        self._progress.update(self._task, completed=count, description=what)

    def stop(self) -> None:
        self._progress.stop()


def has_terminal() -> bool:
    """Whether anybody would see it move."""
    return bool(sys.__stdout__ and sys.__stdout__.isatty())
