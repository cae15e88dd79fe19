# SPDX-License-Identifier: Apache-2.0
"""What a run is asked to do. The command line makes a plan; every worker is given it as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Callable

from vringer import candidates, clauses, lab, places
from vringer.candidates import Candidate
from vringer.clauses import Edition, Registry
from vringer.expectations import Expectation, choose_for, compare, excuse, lacking
from vringer.player import WATCHDOG_SECONDS, Player
from vringer.scenarios import Scenario
from vringer.verdict import Play, Result, judge

ENOUGH_ABSENCES = 3  # a subject that did not come up so often in a row is not waited for again


@dataclass
class Subject:
    """One --backend or --frontend, and the version that it said it has."""

    what: str
    device: str = ""
    connects: bool = False
    version: str = ""
    role: str = "back-end"
    triggers: list[str] = field(default_factory=list)

    def candidate(self) -> Candidate:
        found = lab.resolve(self.what, self.device, self.connects, role=self.role)
        given = dict(trigger.split("=", 1) for trigger in self.triggers)
        return replace(found, triggers=tuple({**dict(found.triggers), **given}.items()))

    @property
    def words(self) -> list[str]:
        """What names it on a command line."""
        return ["--backend" if self.role == "back-end" else "--frontend", self.what,
                *(["--device", self.device] if self.device else []),
                *(word for trigger in self.triggers for word in ("--trigger", trigger)),
                *(["--connects"] if self.connects else [])]


@dataclass
class Plan:
    """Everything that a worker has to know."""

    subjects: list[Subject]
    spec: str
    output: str
    strict: bool = False
    scale: float = 1.0
    watchdog: float = WATCHDOG_SECONDS
    jobs: int = 1
    json_file: str = ""
    command: str = ""
    words: list[str] = field(default_factory=list)
    where: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Plan:
        data = json.loads(text)
        subjects = [Subject(**s) for s in data.pop("subjects")]
        return Plan(subjects=subjects, **data)


@dataclass
class Lane:
    """One subject during a run: its candidate, and why it cannot be tried if so."""

    candidate: Candidate
    version: str
    missing: str
    absences: int = 0
    absent_because: str = ""

    @property
    def name(self) -> str:
        return self.candidate.name

    @cached_property
    def doubted(self) -> list[Expectation]:
        """What is not expected to reach its end."""
        return [e for e in self.candidate.expect if e.verdict in ("fail", "inconclusive")]


class Run:
    """A plan with all that it names looked up; plays and judges one scenario at a time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.registry: Registry = clauses.load()
        self.edition: Edition = self.registry.parse_edition(plan.spec)
        self.player = Player(places.player(), plan.scale, plan.watchdog)
        self.lanes = [self._lane(subject) for subject in plan.subjects]

    @staticmethod
    def _lane(subject: Subject) -> Lane:
        candidate = subject.candidate()
        trouble = candidates.missing(candidate)
        return Lane(candidate, subject.version, str(trouble) if trouble else "")

    def folder(self, scenario: Scenario, lane: Lane) -> Path:
        """Where the evidence goes; a scenario from elsewhere keeps only its name."""
        inside = Path(scenario.id)
        if inside.is_absolute() or ".." in inside.parts:
            inside = Path(inside.name)
        return Path(self.plan.output) / lane.name / inside

    def play(self, scenario: Scenario, lane: Lane, waits: Callable[[], None]) -> Result:
        """Play it and say what came of it, in the light of the spec and of what was expected.

        @waits is called when it has nothing to do but to wait.
        """
        if lane.candidate.cannot(scenario.trigger):
            play = Play("n/a", f"nobody knows how to have it do a {scenario.trigger}")
        elif not lane.candidate.speaks(scenario.draft):
            play = Play("n/a", f"it does not speak the dialect {scenario.draft}")
        elif lane.absences < ENOUGH_ABSENCES:
            play = self.player.play(scenario, lane.candidate, self.folder(scenario, lane), waits)
            lane.absences = 0 if play.came_up else lane.absences + 1
            lane.absent_because = play.reason
        else:
            play = Play("inconclusive", f"not tried: {lane.absences} times in a row "
                        f"{lane.absent_because}", came_up=False)
        return self.judge(scenario, lane, play)

    def judge(self, scenario: Scenario, lane: Lane, play: Play) -> Result:
        result = judge(play, scenario, lane.name, self.registry, self.edition, self.plan.strict)
        subject = lane.candidate
        lacked = lacking(scenario, subject.lacks, subject.queues)
        absent = lacking(scenario, subject.may_lack, subject.queues)
        if result.verdict == "n/a" and absent and not lacked:
            return excuse(result, absent)
        if result.verdict == "n/a" and subject.cannot(scenario.trigger):
            return excuse(result, [f"a way to {scenario.trigger}"])
        if not subject.speaks(scenario.draft):
            return excuse(result, [f"the dialect {scenario.draft}"])
        entry = choose_for(result, subject.expect, scenario, lane.version)
        return compare(result, entry, lacked if subject.has_file else None)
