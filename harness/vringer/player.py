# SPDX-License-Identifier: Apache-2.0
"""Runs a player on one scenario, under a watchdog, and takes down what it says.

vu-frontend judges back-ends, vu-backend judges front-ends. Both have a deadline for every
wait and end their subject whatever happens; the watchdog is for the day on which they do
not. All that they print comes by pipes, so that a full disk costs evidence and never a
verdict.
"""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Callable

from vringer import diagnose, places
from vringer.candidates import Candidate
from vringer.events import EventReader, play_of, printable
from vringer.processes import Players
from vringer.scenarios import Scenario
from vringer.stage import Actor
from vringer.verdict import Play

WATCHDOG_SECONDS = 120.0
TEXT_LIMIT = 32 << 10
CHUNK = 64 << 10
QUIET_SECONDS = 0.03  # without an event: it waits for something
WRITTEN_BY_PLAYER = ("trace.vus", "subject.log")
WRITTEN_HERE = ("chart.txt", "player.err", "events.jsonl")
WHERE_IT_HANGS = "hang.txt"
EVIDENCE = {*WRITTEN_BY_PLAYER, *WRITTEN_HERE, WHERE_IT_HANGS}
Streams = dict[int, Callable[[bytes], None]]
EXIT_OF = {"pass": (0,), "n/a": (0,), "fail": (1,), "inconclusive": (1,), "error": (1, 2, 4)}


class Tail:
    """The last bytes of a stream of any length, and a file that gets all of them."""

    def __init__(self, path: Path | None) -> None:
        self.kept = b""
        self.lost = 0
        self.note = ""
        self._file: IO[bytes] | None = None
        try:
            self._file = path.open("wb", buffering=0) if path else None
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.note = f"evidence is incomplete: {error.strerror}"
        self.close()

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        try:
            if self._file and self._file.write(data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._give_up(error)
        self.kept += data
        if len(self.kept) > 2 * TEXT_LIMIT:
            self.lost += len(self.kept) - TEXT_LIMIT
            self.kept = self.kept[-TEXT_LIMIT:]

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    @property
    def text(self) -> str:
        lost = self.lost + max(0, len(self.kept) - TEXT_LIMIT)
        head = f"... {lost} bytes before this are left out\n" if lost else ""
        return head + printable(self.kept[-TEXT_LIMIT:].decode(errors="replace"))


@dataclass(frozen=True)
class Player:
    """A vu-frontend with its vu-backend beside it, and the deadlines that they are run with."""

    program: Path
    scale: float = 1.0
    watchdog: float = WATCHDOG_SECONDS
    running: Players = field(default_factory=Players)

    def playing(self, candidate: Candidate) -> Path:
        """The program that plays the other side."""
        return self.program if candidate.role == "back-end" else \
            self.program.with_name("vu-backend")

    def arguments(self, scenario: Scenario, candidate: Candidate,
                  folder: Path | None) -> list[str]:
        """The command line but for --events."""
        words = [str(self.playing(candidate)), "--die-with-parent", "--colour", "never",
                 "--run", candidate.command_in(scenario.draft),
                 "--device", candidate.device,
                 "--queues", str(candidate.queues),
                 "--scale", str(self.scale * candidate.deadline_scale),
                 "--grace", str(candidate.grace),
                 "--fragments", str(places.SCENARIOS)]
        words += ["--setup", candidate.setup] if candidate.setup else []
        words += ["--connects"] if candidate.connects else []
        for name, command in (*candidate.triggers, *candidate.hooks):
            words += ["--hook", f"{name}={command}"] if command else []
        if folder:
            for option, name in zip(("--trace", "--log"), WRITTEN_BY_PLAYER):
                words += [option, str(folder / name)]
            words += ["--hook", _look_at_threads(folder)]
        return [*words, str(scenario.path)]

    def play(self, scenario: Scenario, candidate: Candidate, folder: Path | None,
             waits: Callable[[], None] = lambda: None) -> Play:
        """Play @scenario against a fresh @candidate; evidence goes to @folder.

        @waits is called, once or more, when nothing has happened for a while.
        """
        note = ""
        try:
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
                for old in os.scandir(folder):
                    if old.name in EVIDENCE - {*WRITTEN_HERE}:
                        os.unlink(old)
        except OSError as error:
            folder, note = None, f"no evidence is kept: {error.strerror}: {error.filename}"
        run = _Run(self.running, self.arguments(scenario, candidate, folder), folder, waits)
        play = run.until(self.watchdog * max(1.0, self.scale * candidate.deadline_scale))
        play.notes += [note] if note else []
        return play


def _look_at_threads(folder: Path) -> str:
    """What the player runs before it ends a subject that hangs; the subject is the first of its group."""
    words = shlex.join([sys.executable, "-I", diagnose.__file__])
    return f"hung={words} {{pid}} >{shlex.quote(str(folder / WHERE_IT_HANGS))}"


class _Run:
    """One run of the player, from start to verdict."""

    def __init__(self, running: Players, arguments: list[str], folder: Path | None,
                 waits: Callable[[], None]) -> None:
        self.running = running
        self.folder = folder
        self.waits = waits
        self.events = EventReader()
        self.chart, self.errors, self.stream = (
            Tail(folder / name if folder else None)
            for name in WRITTEN_HERE)
        # By its name in /proc and not inherited: the subject would inherit it as well.
        self.read_end, self.write_end = os.pipe()
        events = f"/proc/{os.getpid()}/fd/{self.write_end}"
        self.program = Path(arguments[0]).name
        self.arguments = [arguments[0], "--events", events, *arguments[1:]]

    def until(self, seconds: float) -> Play:
        """Run it for at most @seconds; the processes that it left are gone afterwards."""
        try:
            actor = self.running.start(self.arguments)
        except OSError as error:
            return Play("error", f"{self.program} cannot be started: {error}")
        else:
            return self._finish(actor, self._watch(actor, seconds))
        finally:
            os.close(self.write_end)
            os.close(self.read_end)
            for tail in (self.chart, self.errors, self.stream):
                tail.close()

    def _finish(self, actor: Actor, overdue: float) -> Play:
        code = -signal.SIGKILL if actor.returncode is None else actor.returncode
        play = self._verdict(code, overdue)
        left = self.running.ended(actor)
        if left:
            play.notes.append(f"processes that outlived the scenario were killed: {left}")
        if code < 0:
            _remove_private(actor.stage.pid)
        return play

    def _watch(self, actor: Actor, seconds: float) -> float:
        """Read until it has ended; returns @seconds if it had to be killed after those, or 0."""
        try:
            overdue = self._read_all(actor, seconds)
        except BaseException:
            actor.end()
            self.running.ended(actor)
            raise
        finally:
            actor.close()
        self.events.close()
        return overdue

    def _read_all(self, actor: Actor, seconds: float) -> float:
        streams: Streams = {actor.output: self.chart.feed, actor.errors: self.errors.feed,
                            self.read_end: self._event}
        for fd in streams:
            os.set_blocking(fd, False)
        overdue = self._pump(streams, actor, time.monotonic() + seconds)
        if overdue:
            actor.end()
        _drain(streams)
        return seconds if overdue else 0

    def _pump(self, streams: Streams, actor: Actor, deadline: float) -> bool:
        """Pass on what is read until it ends (False) or @deadline has come (True).

        It is read now and then, for nobody waits for it: being woken for each event costs more
        than all else here.
        """
        pause = QUIET_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if actor.wait(min(left, pause)):
                return False
            if self.running.stopped:
                raise InterruptedError("the run is being ended")
            came = _drain(streams)
            if not came and self.events.connected:
                self.waits()
            pause = QUIET_SECONDS if came < CHUNK else 0
        return True

    def _event(self, data: bytes) -> None:
        self.stream.feed(data)
        self.events.feed(data)

    def _verdict(self, code: int, overdue: float) -> Play:
        """What it said, or what is wrong with what it said."""
        said = self.events.last_verdict
        play = play_of(said) if said else Play("error")
        if overdue:
            play = Play("error", f"{self.program} had not ended after {overdue:g} s and was killed")
        elif code < 0:
            play = Play("error", f"{self.program} was killed by {signal.Signals(-code).name}")
        elif self.events.garbage:
            play = Play("error", f"{self.program} wrote an event that is none: "
                        f"{self.events.garbage}")
        elif not said:
            play.reason = self.errors.text.strip() or f"{self.program} gave no verdict (exit {code})"
        elif play.verdict == said["verdict"] and code not in EXIT_OF[play.verdict]:
            play = Play("error", f"{self.program} said {play.verdict} and exited with {code}")
        play.came_up = not (play.verdict == "inconclusive" and play.played_ns == 0)
        play.chart = self.chart.text
        play.notes += sorted({t.note for t in (self.chart, self.errors, self.stream) if t.note})
        if self.folder:
            found = sorted(EVIDENCE.intersection(os.listdir(self.folder)))
            play.evidence = {Path(name).stem: f"{self.folder}/{name}" for name in found}
            if WHERE_IT_HANGS in found:
                play.threads = _lines(self.folder / WHERE_IT_HANGS)
        return play


def _lines(path: Path) -> list[str]:
    """What is in @path, line by line; nothing if it is not there."""
    try:
        return printable(path.read_text(encoding="utf-8", errors="replace")).splitlines()
    except OSError:
        return []


def _remove_private(pid: int) -> None:
    """Remove the directory that a player which was killed could not remove itself."""
    for place in {os.environ.get("TMPDIR", "/tmp"), "/tmp"}:
        for folder in Path(place).glob(f"vringer-{pid}-*"):
            shutil.rmtree(folder, ignore_errors=True)


def _drain(streams: Streams) -> int:
    """Pass on what is in the pipes; returns how many bytes that were.

    Another process may hold one open, so its end is not awaited, nor is that of a flood.
    """
    came = 0
    for fd, feed in streams.items():
        with suppress(BlockingIOError):
            for _ in range(1 + (1 << 20) // CHUNK):
                data = os.read(fd, CHUNK)
                if not data:
                    break
                came += len(data)
                feed(data)
    return came
