# SPDX-License-Identifier: Apache-2.0
"""What a person sees of a run: progress while it goes on, and what it came to.

Takes the place of pytest's own terminal report in the process that controls the
run. Colours and the progress line are for terminals only; NO_COLOR is honoured.
"""

from __future__ import annotations

import sys
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable

import pytest
from vringer import render, summary
from vringer.meter import Meter, has_terminal
from vringer.plan import Run
from vringer.render import Line
from vringer.results import ResultFile
from vringer.summary import Exit
from vringer.verdict import Play, Result

if TYPE_CHECKING:
    from rich.console import Console

MOST_SHOWN = 10
EXIT_BASE = 100  # keeps our exit codes apart from those that pytest gives to its own troubles


class Reporter:
    """Collects the results as the workers send them."""

    def __init__(self, run: Run, verbose: int) -> None:
        self.run = run
        self.verbose = verbose
        self.results: list[Result] = []
        self.over = 0
        self.interrupted = self.stopped = False
        self.troubles: list[str] = []
        self.code = Exit.HARNESS
        self.began = time.monotonic()
        self.meter: Meter | None = None
        self.file = ResultFile(Path(run.plan.json_file), run) if run.plan.json_file else None

    @cached_property
    def console(self) -> Console:
        from rich.console import Console  # takes a while: not before the first scenarios play

        return Console(file=sys.__stdout__, highlight=False, soft_wrap=True)

    def say(self, lines: Iterable[Line]) -> None:
        from rich.text import Text

        for line in lines:
            self.console.print(Text(line.text, line.style), soft_wrap=True)

    # How far it is

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        if has_terminal():
            self.meter = Meter(self.console)
            self._expect(len(getattr(session, "items", ())))  # workers have them, where there are any

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._expect(len(ids))

    def _expect(self, total: int) -> None:
        if self.meter and total:
            self.meter.expect(total)

    # What comes in

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        sent = getattr(report, "vringer", None)
        if isinstance(sent, dict):
            self.add(Result.from_dict(sent))
        elif report.failed:
            self.add(self._lost(report))

    @staticmethod
    def _lost(report: pytest.TestReport) -> Result:
        """A worker died, or the plugin failed: the scenario has a verdict all the same."""
        name = report.nodeid.rpartition("::")[2]
        scenario, _, subject = name.partition("[")
        play = Play("error", f"the harness failed: {report.longreprtext}", came_up=False)
        return Result(subject.rstrip("]"), scenario, 1, "", "error", [], play,
                      surprise="the scenario could not be played")

    def add(self, result: Result) -> None:
        self.results.append(result)
        if self.file:
            self.file.add(result)
        if self.verbose > 0 or (result.unexpected and self.verbose == 0):
            self.say([render.headline(result)])
        self._advance(len(self.results), result.scenario)

    def played(self, count: int) -> None:
        """So many are over, although not all of them were asked for yet; from any thread."""
        self._advance(count, None)

    def _advance(self, count: int, scenario: str | None) -> None:
        self.over = max(self.over, count)
        if self.meter:
            self.meter.reach(self.over, scenario)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.troubles.append(report.longreprtext)

    def pytest_internalerror(self, excrepr: Any) -> None:
        self.troubles.append(str(excrepr))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """A person's Ctrl-C; -x and --maxfail come by here as well, as kinds of their own."""
        self.stopped = True
        self.interrupted = excinfo.type is KeyboardInterrupt

    # What it came to

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.meter:
            self.meter.stop()
        stale = summary.stale(self.run)
        self.code = summary.exit_code(self.results, stale, self.interrupted)
        if self.troubles:
            self.code = Exit.HARNESS
        if self.file:
            self.file.finish(complete=not self.stopped and not self.troubles)
        self._tell(stale)
        session.exitstatus = EXIT_BASE + self.code

    def _tell(self, stale: list[str]) -> None:
        self._tell_failures()
        for lane in self.run.lanes:
            self.say(summary.table(self.results, lane, self.verbose > 0))
            self.say(summary.remarks(self.results, lane))
        self.say(Line(text, "bold red") for text in [*self.troubles, *stale])
        self._tell_trouble()
        self.say(summary.closing(self.results, self.run))
        self.say([summary.verdict_line(self.results, self.code, time.monotonic() - self.began)])

    def _tell_failures(self) -> None:
        failures = summary.worth_showing(self.results)
        shown = failures if self.verbose > 0 else failures[:MOST_SHOWN]
        for result in shown:
            self.say([Line(""), *render.failure(result, self.run)])
        left = len(failures) - len(shown)
        self.say([Line(f"\n... and {left} more, named below; -v shows them all", "bold")]
                 if left else [])
        self.say([Line("")])

    def _tell_trouble(self) -> None:
        notes = {note for r in self.results for note in r.play.notes if "evidence" in note}
        if self.file and self.file.trouble:
            notes.add(self.file.trouble)
        self.say(Line(note, "bold magenta") for note in sorted(notes))
        if self.interrupted:
            self.say([Line("interrupted: this is what was obtained until then", "bold magenta")])
