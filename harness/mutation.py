# SPDX-License-Identifier: Apache-2.0
"""The suite put through itself: the references have to pass it, each of their quirks has to be caught.

A quirk is caught when a scenario fails and names the clause that the quirk breaks, as violated or,
where it names none, among those that it checks. What is tentative catches nothing. And no scenario
may be one that cannot fail: some quirk has to make it, or a line `# no quirk: ...` in it says why none does.

What showed all that is written down in harness/witnesses.txt and played first, so that only what is
new, or no longer true, has to be searched for.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from threading import Lock, Semaphore
from typing import Callable, Iterable, Iterator, TypeVar

import witnesses
from vringer import candidates, clauses, places, processes, scenarios
from vringer.candidates import Candidate
from vringer.errors import HarnessError
from vringer.player import Player
from vringer.scenarios import Scenario
from vringer.verdict import Play, effective
from witnesses import Witness

ROLES = {"back-end": "vu-backend", "front-end": "vu-frontend"}
OLDER = "11.0"  # the last edition in which rings start by another rule, and the quirk that is that rule
OLDER_RULE = "start-waits-for-kick"
DRIVEN = ("blk", "net", "fs")  # what the front-end drives
# what only a device shows that takes its time
SLOWLY = dict.fromkeys(["stop-loses-requests", "stop-records-nothing", "inflight-not-restored"], " --latency=20000")
SCALE = 0.4     # of the deadlines when a quirk is played: the references need far less
KIN = 40        # quirks that a quick search tries with a scenario, the nearest to what it checks
MOST_WAITING = 8  # plays that may wait beside those that work
EXCUSE = "# no quirk:"
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Quirk:
    """One row of `--list-quirks=json` of the program that has this role."""

    role: str
    name: str
    clause: str
    seen: str
    symptom: str

    def __str__(self) -> str:
        return f"{ROLES[self.role]} --quirk={self.name}"


@dataclass(frozen=True)
class Case:
    """One scenario against one device type of the reference, by the newest edition or an older one."""

    scenario: Scenario
    subject: Candidate
    edition: str = ""

    @property
    def name(self) -> str:
        return f"{self.scenario.id}[{self.subject.device}]{self.edition and ' by ' + self.edition}"


def failed(play: Play) -> bool:
    return effective(play)[0] == "fail"


def catches(case: Case, play: Play, quirk: Quirk) -> bool:
    """Whether this failure says what is wrong with @quirk."""
    return failed(play) and not case.scenario.tentative and (
        quirk.clause in (play.violated or case.scenario.checks))


def shows(case: Case, play: Play) -> bool:
    """Whether it failed by what it is about, and not by a rule that holds for every message."""
    about = case.scenario.checks if play.violated else ()
    return failed(play) and (not about or bool({*play.violated} & {*about}))


def quirky(subject: Candidate, name: str) -> Candidate:
    """@subject with one quirk more."""
    return replace(subject, command=f"{subject.command} --quirk={name}{SLOWLY.get(name, '')}")


class Found:
    """What was seen so far: who catches a quirk, and what makes a scenario fail."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.catching: dict[Quirk, Case] = {}
        self.showing: dict[str, tuple[Case, Quirk]] = {}

    def note(self, case: Case, quirk: Quirk, play: Play) -> None:
        with self._lock:
            if catches(case, play, quirk):
                self.catching.setdefault(quirk, case)
            if shows(case, play):
                self.showing.setdefault(case.scenario.id, (case, quirk))

    def witnesses(self) -> set[Witness]:
        """Few pairs that show all of it again."""
        pairs = {(case, quirk) for quirk, case in self.catching.items()}
        seen = {case.scenario.id for case, _ in pairs}
        pairs |= {pair for name, pair in self.showing.items() if name not in seen}
        return {Witness(quirk.name, case.scenario.id, case.subject.device) for case, quirk in pairs}


class Bench:
    """Plays cases, a few at a time; one that waits for what may never come makes room for another."""

    def __init__(self, jobs: int) -> None:
        self._pool = ThreadPoolExecutor(jobs + MOST_WAITING, "player")
        self._turns = Semaphore(jobs)
        self._reference = Player(places.player())
        self._quirky = replace(self._reference, scale=SCALE)

    def _in_turn(self, player: Player, case: Case, subject: Candidate) -> Play:
        with ExitStack() as turn:
            turn.enter_context(self._turns)
            play = player.play(case.scenario, subject, None, turn.close)
        return play

    def reference(self, case: Case) -> Play:
        return self._in_turn(self._reference, case, case.subject)

    def quirky(self, case: Case, quirk: Quirk) -> Play:
        return self._in_turn(self._quirky, case, quirky(case.subject, quirk.name))

    def each(self, work: Callable[[T], R], things: Iterable[T]) -> Iterator[R]:
        return self._pool.map(work, things)


# ---- what there is to play ----

def quirks() -> list[Quirk]:
    found = []
    for role, program in ROLES.items():
        done = subprocess.run([program, "--list-quirks=json"], capture_output=True, text=True, check=True)
        found += [Quirk(role, **row) for row in json.loads(done.stdout)]
    return found


def subjects() -> list[Candidate]:
    """The references: the back-end as each device type, the front-end with those that it can drive."""
    known = [c for c in map(candidates.load, candidates.files().values()) if c.reference]
    return [replace(c, device=device) for c in known
            for device in (DRIVEN if c.role == "front-end" else (c.device,))]


def by_editions(scenario: Scenario, subject: Candidate) -> Iterator[Case]:
    """@scenario by the newest edition and by the rule of the older ones, as far as it holds there."""
    registry = clauses.load()
    if scenario.draft and subject.role == "back-end":
        subject = replace(subject, command=f"{subject.command} --dialect={scenario.draft}")
    if not scenario.why_not(subject.device, registry.parse_edition(registry.newest), registry, subject.role):
        yield Case(scenario, subject)
    older = registry.parse_edition(min(OLDER, scenario.until or OLDER, key=registry.parse_edition))
    if subject.role == "back-end" and not scenario.why_not(subject.device, older, registry):
        yield Case(scenario, quirky(subject, OLDER_RULE), OLDER)


def cases(known: list[Scenario]) -> list[Case]:
    """Every scenario with every subject that it is for; one subject after the other."""
    return [case for subject in subjects() for scenario in known for case in by_editions(scenario, subject)]


# ---- the references ----

def judge_references(bench: Bench, all_cases: list[Case]) -> tuple[list[Case], int]:
    """The cases that pass, and how many do not apply either."""
    passed, wrong = [], 0
    for case, play in zip(all_cases, bench.each(bench.reference, all_cases)):
        verdict, reason = effective(play)
        if verdict == "pass":
            passed.append(case)
        elif verdict != "n/a":
            wrong += 1
            print(f"reference: {verdict}: {case.name}: {reason}")
    print(f"references: {len(passed)} pass, {len(all_cases) - len(passed) - wrong} n/a, {wrong} wrong", flush=True)
    return passed, wrong


def once(passed: list[Case]) -> list[Case]:
    """One edition is enough to be played with quirks: the newest in which it holds."""
    first: dict[tuple[str, str], Case] = {}
    for case in passed:
        first.setdefault((case.scenario.id, case.subject.device), case)
    return list(first.values())


# ---- searching ----

class Search:
    """Plays cases with quirks until it is known which catch, and which show."""

    def __init__(self, bench: Bench, passed: list[Case], known: list[Scenario], some: list[Quirk]) -> None:
        self.bench, self.passed, self.scenarios, self.quirks = bench, passed, known, some
        self.found = Found()

    def _try(self, case: Case, quirk: Quirk) -> None:
        self.found.note(case, quirk, self.bench.quirky(case, quirk))

    def _seek(self, case: Case, quirk: Quirk) -> None:
        """What was not seen before has to be seen twice: a machine that is busy makes plays fail as well."""
        play = self.bench.quirky(case, quirk)
        if catches(case, play, quirk) or shows(case, play):
            self._try(case, quirk)

    def _named(self, known: Iterable[Witness]) -> list[tuple[Case, Quirk]]:
        """The pairs that still exist."""
        by_case = {(case.scenario.id, case.subject.device): case for case in self.passed}
        by_name = {(quirk.role, quirk.name): quirk for quirk in self.quirks}
        pairs = []
        for witness in known:
            case = by_case.get((witness.scenario, witness.device))
            quirk = by_name.get((case.scenario.subject, witness.quirk)) if case else None
            if case and quirk:
                pairs.append((case, quirk))
        return pairs

    def recall(self, known: Iterable[Witness]) -> None:
        """What was a witness before is asked first, and twice: it may have been disturbed."""
        pairs = self._named(known)
        for _ in range(2):
            left = [(case, quirk) for case, quirk in pairs
                    if quirk not in self.found.catching or case.scenario.id not in self.found.showing]
            for _ in self.bench.each(lambda pair: self._try(*pair), left):
                pass

    def hunt(self, quirk: Quirk, quick: bool) -> Case | None:
        """Who catches @quirk; a @quick search ends with those that check the very clause."""
        for case in by_promise(quirk, self.passed):
            if quirk in self.found.catching or (quick and quirk.clause not in case.scenario.checks):
                break
            self._seek(case, quirk)
        return self.found.catching.get(quirk)

    def provoke(self, scenario: Scenario, quick: bool) -> tuple[Case, Quirk] | None:
        """What makes @scenario fail; a @quick search ends with its kin."""
        group = [case for case in self.passed if case.scenario == scenario]
        for quirk in by_kinship(scenario, self.quirks)[:KIN if quick else None]:
            if scenario.id in self.found.showing:
                break
            for case in group:
                self._seek(case, quirk)
        return self.found.showing.get(scenario.id)

    def survivors(self, quick: bool) -> list[Quirk]:
        """Quirks that nothing catches."""
        left = [quirk for quirk in self.quirks if quirk not in self.found.catching]
        hunted = self.bench.each(lambda quirk: self.hunt(quirk, quick), left)
        return [quirk for quirk, case in zip(left, hunted)
                if not told(str(quirk), f"caught by {case.name}" if case else "")]

    def idle(self, quick: bool) -> list[Scenario]:
        """Scenarios that nothing makes fail; a @quick search leaves out those that say so themselves."""
        left = [s for s in self.scenarios if s.id not in self.found.showing and not (quick and excuse(s))]
        provoked = self.bench.each(lambda scenario: self.provoke(scenario, quick), left)
        return [scenario for scenario, pair in zip(left, provoked)
                if not told(scenario.id, f"fails with {pair[1]}" if pair else "")]


def told(name: str, what: str) -> bool:
    """Say what was found of @name, if anything was."""
    print(f"{name}: {what or 'nothing found'}", flush=True)
    return bool(what)


def nearness(clause: str, checks: Iterable[str]) -> int:
    """How far what a scenario checks is from @clause: the same, of the same message, area, or none of these."""
    shared = max((len(os.path.commonprefix([clause.split("."), c.split(".")])) for c in checks), default=0)
    return clause.count(".") + 1 - shared


def by_promise(quirk: Quirk, passed: list[Case]) -> list[Case]:
    """Cases that name the clause come first, windows of time last; one device type after the other."""
    return sorted((case for case in passed if case.scenario.subject == quirk.role),
                  key=lambda c: (nearness(quirk.clause, c.scenario.checks), bool(c.scenario.window)))


def by_kinship(scenario: Scenario, some: list[Quirk]) -> list[Quirk]:
    """Quirks that break what the scenario checks come first."""
    return sorted((quirk for quirk in some if quirk.role == scenario.subject),
                  key=lambda q: nearness(q.clause, scenario.checks))


def excuse(scenario: Scenario) -> str:
    """Why no quirk can make it fail, as its file says."""
    lines = scenario.path.read_text(encoding="utf-8").splitlines()
    return next((line.removeprefix(EXCUSE).strip() for line in lines if line.startswith(EXCUSE)), "")


# ---- all of it ----

def conclude(search: Search, survivors: list[Quirk], idle: list[Scenario]) -> int:
    """Tell what nothing was found for; how many that are to be mended."""
    for quirk in survivors:
        print(f"SURVIVES: {quirk}: {quirk.clause}: {quirk.symptom}")
    excused = [s for s in search.scenarios if excuse(s) and s.id not in search.found.showing]
    unexcused = [scenario for scenario in idle if not excuse(scenario)]
    played = {case.scenario.id for case in search.passed}
    for scenario in unexcused:
        print(f"{'CANNOT FAIL' if scenario.id in played else 'IS NEVER PLAYED'}: {scenario.id}")
    stale = [case.scenario.id for case, _ in search.found.showing.values() if excuse(case.scenario)]
    for name in stale:
        print(f"FAILS AFTER ALL: {name} says that no quirk makes it")
    print(f"{len(search.quirks) - len(survivors)} of {len(search.quirks)} quirks are caught; "
          f"{len(unexcused)} scenarios fail with none, and {len(excused)} that say why")
    return len(survivors) + len(unexcused) + len(stale)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=2, help="how many to play at a time (2)")
    parser.add_argument("--quick", action="store_true", help="search only where it is likely")
    parser.add_argument("--afresh", action="store_true", help="forget what is known, search for all of it")
    return parser.parse_args()


def run(args: argparse.Namespace) -> int:
    begun = time.monotonic()
    bench = Bench(args.jobs)
    known = scenarios.load()
    passed, wrong = judge_references(bench, cases(known))
    search = Search(bench, once(passed), known, quirks())
    search.recall([] if args.afresh else witnesses.read())
    missing = conclude(search, search.survivors(args.quick), search.idle(args.quick))
    if not args.quick:
        witnesses.write(search.found.witnesses())
    print(f"{time.monotonic() - begun:.0f} s")
    return 1 if wrong or missing else 0


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
