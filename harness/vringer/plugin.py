# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: .vus files are items, and each is played against a fresh subject.

`vringer run` is pytest with this plugin; -k, -n, --lf, --junitxml and the rest
are pytest's own. What a worker found out travels home with its report.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Generator, Iterable

import pytest

from vringer import expectations, places, processes, render, scenarios
from vringer.ahead import Ahead
from vringer.plan import Lane, Plan, Run
from vringer.scenarios import Scenario
from vringer.verdict import Play, Result

RUN = pytest.StashKey[Run]()
CATALOGUE = pytest.StashKey["Catalogue"]()
AHEAD = pytest.StashKey[Ahead]()


class Catalogue:
    """Heads of scenario files, asked for by folder so that the player is called once a folder."""

    def __init__(self) -> None:
        self._known: dict[Path, Scenario] = {}

    def head(self, path: Path) -> Scenario:
        path = path.resolve()
        if path not in self._known:
            inside = path.is_relative_to(places.SCENARIOS)
            found = scenarios.suite() if inside else scenarios.describe(
                {*scenarios.files_below(path.parent), path})
            self._known |= {scenario.path: scenario for scenario in found}
        return self._known[path]


class NotAsExpected(Exception):
    """Carries a result that surprises through pytest."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.surprise)
        self.result = result


class ScenarioFile(pytest.File):
    """A .vus file: one item for every subject that it applies to."""

    def collect(self) -> Iterable[pytest.Item]:
        run = self.config.stash[RUN]
        scenario = self.config.stash[CATALOGUE].head(self.path)
        for lane in run.lanes if not scenario.fragment else ():
            why_not = scenario.why_not(lane.candidate.device, run.edition, run.registry,
                                       lane.candidate.role)
            if not lane.missing and not why_not:
                name = f"{scenario.id}[{lane.name}]"
                yield ScenarioItem.from_parent(self, name=name, scenario=scenario, lane=lane)


class VringerItem(pytest.Item):
    """What ScenarioItem and MissingItem share: the way from a result to pytest's outcomes."""

    result: Result | None = None

    def find_out(self) -> Result:
        raise NotImplementedError

    def runtest(self) -> None:
        self.result = result = self.find_out()
        self.user_properties += render.properties(result)
        if result.unexpected:
            raise NotAsExpected(result)
        if result.verdict == "n/a":
            pytest.skip(result.play.reason or "the subject lacks what it needs")
        if result.verdict != "pass":
            pytest.xfail(result.pinned or result.play.reason)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException],
                     style: Any = None) -> Any:
        if isinstance(excinfo.value, NotAsExpected):
            return render.plain(render.failure(excinfo.value.result, self.config.stash[RUN]))
        if isinstance(excinfo.value, pytest.xfail.Exception):
            return str(excinfo.value)  # pytest would look up where in our sources it was raised
        return super().repr_failure(excinfo)


class ScenarioItem(VringerItem):
    """One scenario against one subject."""

    def __init__(self, *, scenario: Scenario, lane: Lane, **rest: Any) -> None:
        super().__init__(**rest)
        self.scenario = scenario
        self.lane = lane

    def play(self, waits: Callable[[], None] = lambda: None) -> Result:
        return self.config.stash[RUN].play(self.scenario, self.lane, waits)

    @property
    def may_wait(self) -> bool:
        """Whether it is likely, or known, that the scenario waits for what does not come."""
        if self.scenario.gives_time:
            return True
        entry = expectations.choose(self.lane.doubted, self.scenario, self.lane.version)
        return entry is not None

    def find_out(self) -> Result:
        ahead = self.config.stash.get(AHEAD, None)
        return ahead.result(self.nodeid) if ahead else self.play()

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


class MissingItem(VringerItem):
    """Stands for all scenarios of a subject that is not there."""

    def __init__(self, *, lane: Lane, **rest: Any) -> None:
        super().__init__(**rest)
        self.lane = lane

    def find_out(self) -> Result:
        scenario = Scenario(Path(), "start", title="The subject can be started")
        play = Play("error", self.lane.missing, came_up=False)
        return self.config.stash[RUN].judge(scenario, self.lane, play)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, self.name


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of xdist's workers."""
    return hasattr(config, "workerinput")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("vringer").addoption("--vringer", metavar="PLAN", default="",
                                         help="plan of the run, as `vringer run` makes it")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    text = config.getoption("--vringer")
    if not text:
        return
    config.stash[RUN] = Run(Plan.from_json(text))
    config.stash[CATALOGUE] = Catalogue()
    processes.adopt()
    if is_worker(config):
        processes.die_with_parent()
    elif not config.option.collectonly:
        _report_ourselves(config)


def _report_ourselves(config: pytest.Config) -> None:
    from vringer.report import Reporter  # rich is for the process that has the terminal

    theirs = config.pluginmanager.getplugin("terminalreporter")
    config.pluginmanager.unregister(theirs)
    reporter = Reporter(config.stash[RUN], config.option.verbose)
    config.pluginmanager.register(reporter, "vringer-report")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Begin ahead, unless workers play or nobody does; what takes long is not left to the end."""
    config = session.config
    if RUN not in config.stash or config.stash[RUN].plan.jobs < 2 or config.option.collectonly:
        return
    reporter = config.pluginmanager.getplugin("vringer-report")
    config.stash[AHEAD] = ahead = Ahead(config.stash[RUN].plan.jobs, reporter.played)
    items = [item for item in session.items if isinstance(item, ScenarioItem)]
    for item in sorted(items, key=lambda item: not item.may_wait):
        ahead.begin(item.nodeid, item.play)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if RUN not in session.config.stash:
        return
    players, ahead = session.config.stash[RUN].player.running, session.config.stash.get(AHEAD, None)
    if ahead:
        ahead.abandon(players)
    players.close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".vus" and RUN in parent.config.stash:
        file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
        return file
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config,
                                  items: list[pytest.Item]) -> None:
    if RUN in config.stash:
        missing = [lane for lane in config.stash[RUN].lanes if lane.missing]
        items[:0] = [MissingItem.from_parent(session, name=f"start[{lane.name}]", lane=lane)
                     for lane in missing]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    result = getattr(item, "result", None)
    if report.when != "call" or not isinstance(result, Result):
        return
    setattr(report, "vringer", result.to_dict())
