# SPDX-License-Identifier: Apache-2.0
"""Scenarios that are played ahead: how many at a time, and who makes room for whom."""

from __future__ import annotations

import os
import threading
from typing import Callable, Iterator

import pytest

from vringer.ahead import Ahead
from vringer.processes import Players
from vringer.verdict import Play, Result

PATIENCE = 5.0  # seconds; only a failure takes so long
RESULT = Result("subject", "scenario", 1, "", "pass", [], Play("pass"))


@pytest.fixture(name="ahead")
def one_at_a_time() -> Iterator[Ahead]:
    ahead = Ahead(1, lambda count: None)
    yield ahead
    ahead.abandon(Players())


def test_one_that_waits_makes_room(ahead: Ahead) -> None:
    second = threading.Event()

    def waits_for_the_second(waits: Callable[[], None]) -> Result:
        waits()
        waits()  # more than once is as good as once
        assert second.wait(PATIENCE)
        return RESULT

    def is_the_second(_: Callable[[], None]) -> Result:
        second.set()
        return RESULT

    ahead.begin("first", waits_for_the_second)
    ahead.begin("second", is_the_second)
    assert ahead.result("first") is ahead.result("second") is RESULT


def test_no_more_than_asked_for_are_busy(ahead: Ahead) -> None:
    course: list[str] = []

    def play(_waits: Callable[[], None]) -> Result:
        course.append("begins")
        for _ in range(100):
            os.sched_yield()
        course.append("ends")
        return RESULT

    for number in range(50):
        ahead.begin(str(number), play)
    for number in range(50):
        ahead.result(str(number))
    assert course == ["begins", "ends"] * 50


def test_one_that_fails_makes_room(ahead: Ahead) -> None:
    def fails(_: Callable[[], None]) -> Result:
        raise OSError("no more processes")

    ahead.begin("first", fails)
    ahead.begin("second", lambda waits: RESULT)
    assert ahead.result("second") is RESULT
    with pytest.raises(OSError):
        ahead.result("first")
