# SPDX-License-Identifier: Apache-2.0
"""What came of playing a scenario, and what it means for the run.

Two axes: the verdict, and how the subject ended. What the player saw is a
`Play`; a `Result` is the same in the light of the spec's edition and of what
was expected of this subject.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable

from vringer.clauses import Clause, Edition, Registry
from vringer.scenarios import Scenario, area_of

VERDICTS = ("pass", "fail", "inconclusive", "n/a", "error")
LEVELS = ("must", "should", "may")


@dataclass
class Play:
    """What the player reported of one scenario."""

    verdict: str
    reason: str = ""
    violated: list[str] = field(default_factory=list)
    readings: list[str] = field(default_factory=list)
    ending: str = "clean"
    waits: str = ""
    expected: str = ""
    actual: str = ""
    file: str = ""
    line: int = 0
    fds_left: int = 0
    maps_left: int = 0
    started_ns: int = 0
    played_ns: int = 0
    came_up: bool = True
    chart: str = ""
    notes: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)

    @property
    def crashed(self) -> bool:
        return self.ending.startswith("crashed")

    @property
    def hung(self) -> bool:
        """Whether it answered nothing any more; who still waits for what is no hang by itself."""
        return self.ending.startswith("hung")


@dataclass
class Result:
    """One verdict of a run."""

    subject: str
    scenario: str
    version: int
    title: str
    verdict: str
    checks: list[str]
    play: Play
    concerned: list[str] = field(default_factory=list)
    level: str = ""
    red: bool = False
    tentative: str = ""
    expected_verdict: str = "pass"
    surprise: str = ""
    pinned: str = ""
    confirmed: str = ""
    seconds: float = 0.0

    @property
    def unexpected(self) -> bool:
        return bool(self.surprise)

    @property
    def area(self) -> str:
        return area_of(self.scenario)

    @property
    def advice(self) -> bool:
        """A failure that makes no run red: what a clarification of the spec would settle."""
        return self.verdict == "fail" and not self.red

    @property
    def reading(self) -> str:
        return "; ".join(self.play.readings)

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "play": vars(self.play)}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Result:
        rest = {name: value for name, value in data.items() if name != "play"}
        return Result(play=Play(**data["play"]), **rest)


def in_force(ids: Iterable[str], scenario: Scenario, registry: Registry,
             when: Edition) -> list[str]:
    """Those of @ids that are judged by: the edition's; a draft is in no edition."""
    return list(ids) if scenario.draft else registry.in_force(ids, when)


def effective(play: Play) -> tuple[str, str]:
    """Verdict and reason; a crash or a hang after the last line is a failure as well."""
    if play.verdict in ("pass", "n/a") and (play.crashed or play.hung):
        return "fail", f"the subject {play.ending} after the last line"
    return play.verdict, play.reason


def is_red(play: Play, scenario: Scenario, concerned: Iterable[Clause], when: Edition,
           strict: bool) -> bool:
    """Whether a failure counts: only a binding must does, with @strict a should too.

    A scenario that names no clause claims nothing about the spec, and so makes no run red.
    """
    if play.crashed or play.hung:
        return True
    if scenario.tentative or scenario.draft:
        return False
    return any(c.reddens(when, strict) for c in concerned)


def judge(play: Play, scenario: Scenario, subject: str, registry: Registry, when: Edition,
          strict: bool = False) -> Result:
    """Put what was played into the light of the spec; expectations come later."""
    verdict, play.reason = effective(play)
    checks, violated = (in_force(ids, scenario, registry, when)
                        for ids in (scenario.checks, play.violated))
    concerned = registry.of(violated if registry.of(play.violated) else checks)
    result = Result(subject, scenario.id, scenario.version, scenario.title, verdict, checks, play,
                    tentative=scenario.tentative)
    result.concerned = [c.id for c in concerned] if verdict == "fail" else violated
    result.level = min((c.level for c in concerned), key=LEVELS.index, default="")
    result.red = verdict == "fail" and is_red(play, scenario, concerned, when, strict)
    result.seconds = (play.started_ns + play.played_ns) / 1e9
    return result
