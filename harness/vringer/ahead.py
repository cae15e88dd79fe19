# SPDX-License-Identifier: Apache-2.0
"""Plays scenarios before pytest asks for them, a few at a time.

pytest has its items one after the other. Most of a scenario's time is the start of
the subject's process, so that several can go on at once: pytest then only collects
what came of them, in its own order. One that waits for what may never come takes no
processor, and so makes room for another.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Callable

from vringer.processes import Players
from vringer.verdict import Result

MOST_WAITING = 8  # at a time


class Ahead:
    """Results that are on their way, by the id of the item that will ask for them."""

    def __init__(self, jobs: int, tell: Callable[[int], None]) -> None:
        self._pool = ThreadPoolExecutor(jobs + MOST_WAITING, "player")
        self._turns = threading.Semaphore(jobs)
        self._coming: dict[str, Future[Result]] = {}
        self._tell = tell
        self._done = 0

    def begin(self, name: str, play: Callable[[Callable[[], None]], Result]) -> None:
        """Have @play called when it is its turn; what it is given ends that early."""
        self._coming[name] = coming = self._pool.submit(self._in_turn, play)
        coming.add_done_callback(self._count)

    def _in_turn(self, play: Callable[[Callable[[], None]], Result]) -> Result:
        turn = ExitStack()
        turn.enter_context(self._turns)
        try:
            return play(turn.close)
        finally:
            turn.close()

    def _count(self, _: Future[Result]) -> None:
        self._done += 1
        self._tell(self._done)

    def result(self, name: str) -> Result:
        """What came of it, once it is there."""
        return self._coming.pop(name).result()

    def abandon(self, players: Players) -> None:
        """Nobody will ask any more: end the @players that still run, and begin none."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        players.stop()
        self._pool.shutdown()
