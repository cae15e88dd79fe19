# SPDX-License-Identifier: Apache-2.0
"""The way to a QEMU's monitor: what is asked, what is answered, and what is told when nothing comes."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Iterator, TextIO

import pytest

from vringer import qmp
from vringer.errors import HarnessError, UsageError

GREETING: dict[str, Any] = {"QMP": {"version": {}, "capabilities": ["oob"]}}


class FakeMonitor(threading.Thread):
    """Listens as a monitor does and answers with what it was given; keeps what it was asked."""

    def __init__(self, path: str, answers: list[dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.answers = answers
        self.asked: list[dict[str, Any]] = []

    def run(self) -> None:
        connection, _ = self.listener.accept()
        connection.settimeout(1)
        with connection, connection.makefile("rw") as lines:
            print(json.dumps(GREETING), file=lines, flush=True)
            for answer in [{"return": {}}, *self.answers]:
                print(json.dumps({"event": "RESUME"}), file=lines)
                print(json.dumps(answer | self._number(lines, answer)), file=lines, flush=True)
            with suppress(TimeoutError):
                lines.readline()

    def _number(self, lines: TextIO, answer: dict[str, Any]) -> dict[str, Any]:
        """What an answer names of its question. An event is asked for by nobody, and one answer comes too late."""
        if "event" in answer or "late" in answer:
            return {}
        self.asked.append(json.loads(lines.readline()))
        return {"id": self.asked[-1]["id"]}


@pytest.fixture
def path(short_tmp: Path) -> Iterator[str]:
    yield str(short_tmp / "qmp")


def test_events_are_not_taken_for_answers(path: str) -> None:
    fake = FakeMonitor(path, [{"return": {"running": True}}])
    fake.start()
    monitor = qmp.Monitor(path, 5)
    assert monitor.ask("query-status", detail=1) == {"running": True}
    monitor.close()
    assert [a["execute"] for a in fake.asked] == ["qmp_capabilities", "query-status"]
    assert fake.asked[1]["arguments"] == {"detail": 1}


def test_an_event_is_awaited_unless_it_came(path: str) -> None:
    FakeMonitor(path, [{"return": {}}, {"event": "MIGRATION", "data": {"status": "active"}},
                       {"event": "MIGRATION", "data": {"status": "cancelled"}}]).start()
    monitor = qmp.Monitor(path, 5)
    monitor.ask("migrate_cancel")
    monitor.await_event("RESUME")
    monitor.await_event("MIGRATION", status="cancelled")
    with pytest.raises(OSError, match="no event that says MIGRATION"):
        monitor.await_event("MIGRATION", status="completed")


def test_an_answer_that_came_too_late_is_not_taken_for_another(path: str) -> None:
    FakeMonitor(path, [{"return": {"status": "paused"}, "late": True}, {"return": {"status": "running"}}]).start()
    assert qmp.Monitor(path, 5).ask("query-status") == {"status": "running"}


def test_what_is_asked_past_the_main_loop(path: str) -> None:
    fake = FakeMonitor(path, [{"return": {}}])
    fake.start()
    qmp.Monitor(path, 5).oob("yank", instances=[])
    assert fake.asked[0]["arguments"] == {"enable": ["oob"]}
    assert fake.asked[1]["exec-oob"] == "yank"


def test_an_event_is_found_by_what_it_says(path: str) -> None:
    FakeMonitor(path, [{"event": "MIGRATION", "data": {"status": "setup"}},
                       {"event": "MIGRATION", "data": {"status": "failed"}}]).start()
    monitor = qmp.Monitor(path, 5)
    event = monitor.event(lambda message: message.get("data", {}).get("status") in ("completed", "failed"), "an end")
    assert event["data"] == {"status": "failed"}


def test_an_error_is_told_with_the_command(path: str) -> None:
    FakeMonitor(path, [{"error": {"desc": "no such thing"}}]).start()
    with pytest.raises(HarnessError, match="device_del: no such thing"):
        qmp.Monitor(path, 5).ask("device_del")


def test_a_monitor_that_is_closed_is_no_answer(path: str) -> None:
    fake = FakeMonitor(path, [])
    fake.start()
    monitor = qmp.Monitor(path, 5)
    with pytest.raises(ConnectionError, match="no answer to stop"):
        monitor.ask("stop")


def test_silence_has_an_end(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with pytest.raises(TimeoutError):
            qmp.Monitor(path, 0.1)


def test_a_command_is_read_with_its_arguments() -> None:
    assert qmp.parse("migrate 'uri=exec:cat >x' detach=true max=5") == \
        ("migrate", {"uri": "exec:cat >x", "detach": True, "max": 5})


@pytest.mark.parametrize("text", ["", "stop now"])
def test_what_is_no_command_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        qmp.parse(text)
