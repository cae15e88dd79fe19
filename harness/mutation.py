# SPDX-License-Identifier: Apache-2.0
"""The suite put through itself: the reference has to pass it, and each of its quirks has to be caught.

A quirk is caught when a scenario fails and names the clause that the quirk breaks, as violated or,
where it names none, among those that it checks. What is tentative catches nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Callable, Iterable, Iterator, TypeVar

from vringer import candidates, clauses, places, processes, scenarios
from vringer.candidates import Candidate
from vringer.errors import HarnessError
from vringer.player import Player
from vringer.scenarios import Scenario
from vringer.verdict import Play, effective

OLDER = "11.0"  # the last edition in which rings start by another rule, and the quirk that is that rule
OLDER_RULE = "start-waits-for-kick"
GENERIC = "vu-backend --socket-path={socket} --device=generic --queues=2 --config-size=64"
SLOWLY = {"stop-loses-requests": " --latency=20000"}  # what only a device shows that takes its time
KIN = 60        # quirks that a scenario is tried with, the nearest to what it checks
SCALE = 0.4     # of the deadlines when a quirk is played: the reference needs far less
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Quirk:
    """One row of `vu-backend --list-quirks=json`."""

    name: str
    clause: str
    seen: str
    symptom: str


@dataclass(frozen=True)
class Case:
    """One scenario against one device type of the reference."""

    scenario: Scenario
    subject: Candidate

    @property
    def name(self) -> str:
        return f"{self.scenario.id}[{self.subject.device}]"


def failed(play: Play) -> bool:
    return effective(play)[0] == "fail"


def catches(case: Case, play: Play, quirk: Quirk) -> bool:
    """Whether this failure says what is wrong with @quirk."""
    return failed(play) and not case.scenario.tentative and (
        quirk.clause in (play.violated or case.scenario.checks))


def quirky(subject: Candidate, name: str) -> Candidate:
    """@subject with one quirk more."""
    return replace(subject, command=f"{subject.command} --quirk={name}{SLOWLY.get(name, '')}")


class Bench:
    """Plays cases, a few at a time."""

    def __init__(self, jobs: int) -> None:
        self._pool = ThreadPoolExecutor(jobs, "player")
        self._reference = Player(places.player())
        self._quirky = replace(self._reference, scale=SCALE)

    def reference(self, case: Case) -> Play:
        return self._reference.play(case.scenario, case.subject, None)

    def quirky(self, case: Case, quirk: Quirk) -> Play:
        return self._quirky.play(case.scenario, quirky(case.subject, quirk.name), None)

    def each(self, work: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
        return self._pool.map(work, things)


# ---- what there is to play ----

def quirks(only: list[str]) -> list[Quirk]:
    done = subprocess.run(["vu-backend", "--list-quirks=json"], capture_output=True, text=True, check=True)
    known = [Quirk(**row) for row in json.loads(done.stdout)]
    lost = set(only) - {q.name for q in known}
    if lost:
        raise SystemExit(f"mutation: there is no quirk {', '.join(sorted(lost))}")
    return [q for q in known if not only or q.name in only]


def subjects() -> list[Candidate]:
    """The reference as each of its device types, the generic one beside those that are candidates."""
    known = [candidates.load(path) for name, path in candidates.files().items()
             if name.startswith("vu-backend-")]
    if not any(c.device == "generic" for c in known):
        known.append(replace(candidates.from_command(GENERIC, "generic"), queues=2))
    return known


def cases() -> list[Case]:
    """Every scenario for back-ends of either edition with every device type that it is for."""
    registry = clauses.load()
    newest, older = registry.parse_edition(registry.newest), registry.parse_edition(OLDER)
    found = []
    for scenario, subject in itertools.product(scenarios.load(), subjects()):
        if not scenario.why_not(subject.device, newest, registry):
            found.append(Case(scenario, subject))
        elif not scenario.why_not(subject.device, older, registry):
            found.append(Case(scenario, quirky(subject, OLDER_RULE)))
    return found


# ---- the reference ----

def out_of_reach(case: Case, play: Play) -> bool:
    """The generic device has no requests: what needs one is not for it."""
    return case.subject.device == "generic" and play.verdict == "error" and "has no request" in play.reason


def judge_reference(bench: Bench, all_cases: list[Case]) -> tuple[list[Case], int]:
    """The cases that pass, and how many do not apply either."""
    passed, wrong = [], 0
    for case, play in zip(all_cases, bench.each(bench.reference, all_cases)):
        verdict, reason = effective(play)
        if verdict == "pass":
            passed.append(case)
        elif verdict != "n/a" and not out_of_reach(case, play):
            wrong += 1
            print(f"reference: {verdict}: {case.name}: {reason}")
    print(f"reference: {len(passed)} pass, {len(all_cases) - len(passed) - wrong} n/a, {wrong} wrong", flush=True)
    return passed, wrong


# ---- quirks ----

def nearness(clause: str, checks: Iterable[str]) -> int:
    """How far what a scenario checks is from @clause: the same, of the same message, area, or none of these."""
    shared = max((len(os.path.commonprefix([clause.split("."), c.split(".")])) for c in checks), default=0)
    return clause.count(".") + 1 - shared


def by_promise(quirk: Quirk, passed: list[Case]) -> list[Case]:
    """Cases that name the clause come first, windows of time last; one device type after the other."""
    return sorted(passed, key=lambda c: (nearness(quirk.clause, c.scenario.checks), bool(c.scenario.window)))


def hunt(bench: Bench, passed: list[Case], quirk: Quirk) -> Case | None:
    """The first case that catches @quirk."""
    return next((case for case in by_promise(quirk, passed)
                 if catches(case, bench.quirky(case, quirk), quirk)), None)


def hunt_all(bench: Bench, passed: list[Case], some: list[Quirk]) -> dict[str, Case]:
    caught: dict[str, Case] = {}
    for quirk, case in zip(some, bench.each(lambda q: hunt(bench, passed, q), some)):
        if case:
            caught[quirk.name] = case
        print(f"{quirk.name}: caught by {case.name}" if case else
              f"{quirk.name}: SURVIVES, {quirk.clause}: {quirk.symptom}", flush=True)
    return caught


# ---- scenarios ----

def by_kinship(scenario: Scenario, some: list[Quirk]) -> list[Quirk]:
    """Quirks that break what the scenario checks come first."""
    return sorted(some, key=lambda q: nearness(q.clause, scenario.checks))


def shows(case: Case, play: Play) -> bool:
    """Whether it failed by what it is about, and not by a rule that holds for every message."""
    return failed(play) and (not play.violated or bool({*play.violated} & {*case.scenario.checks}))


def can_fail(bench: Bench, some: list[Quirk], of_scenario: list[Case]) -> bool:
    """Whether there is a quirk that shows, tried with one device type."""
    case = of_scenario[0]
    kin = by_kinship(case.scenario, some)[:KIN if case.scenario.checks else None]
    return any(shows(case, bench.quirky(case, quirk)) for quirk in kin)


def never_fail(bench: Bench, passed: list[Case], some: list[Quirk], known: set[str]) -> int:
    """Tell and count scenarios that no quirk makes fail; @known ones need not be tried."""
    groups: dict[str, list[Case]] = {}
    for case in passed:
        groups.setdefault(case.scenario.id, []).append(case)
    left = {name: group for name, group in groups.items() if name not in known}
    idle = 0
    for name, able in zip(left, bench.each(lambda group: can_fail(bench, some, group), left.values())):
        if not able:
            idle += 1
            print(f"{name}: no quirk makes it fail", flush=True)
    return idle


def matrix(bench: Bench, passed: list[Case], some: list[Quirk]) -> None:
    """Which scenarios fail with which quirk."""
    for quirk in some:
        plays = bench.each(partial(bench.quirky, quirk=quirk), passed)
        names = sorted({case.scenario.id for case, play in zip(passed, plays) if failed(play)})
        print(f"{quirk.name}: {' '.join(names) or '-'}", flush=True)


# ---- all of it ----

def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("quirk", nargs="*", help="only these")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="how many to play at a time (2)")
    parser.add_argument("--quick", action="store_true", help="do not look for scenarios that no quirk makes fail")
    parser.add_argument("--all", action="store_true", help="print the whole matrix; takes hours")
    return parser.parse_args()


def run(args: argparse.Namespace) -> int:
    begun = time.monotonic()
    bench = Bench(args.jobs)
    some = quirks(args.quirk)
    passed, wrong = judge_reference(bench, cases())
    caught = hunt_all(bench, passed, some)
    if args.all:
        matrix(bench, passed, some)
    elif not args.quick and not args.quirk:
        idle = never_fail(bench, passed, some, {case.scenario.id for case in caught.values()})
        print(f"{idle} scenarios fail with no quirk")
    print(f"{len(caught)} of {len(some)} quirks are caught, in {time.monotonic() - begun:.0f} s")
    return 1 if wrong or len(caught) < len(some) else 0


def main() -> int:
    os.environ["PATH"] = f"{places.player().resolve().parent}:{os.environ['PATH']}"
    processes.adopt()
    try:
        return run(options())
    except HarnessError as error:
        print(f"mutation: {error}", file=sys.stderr)
        return 4


if __name__ == "__main__":
    sys.exit(main())
