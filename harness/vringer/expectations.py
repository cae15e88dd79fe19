# SPDX-License-Identifier: Apache-2.0
"""Expectations: what is known of a subject, kept as data beside it.

An entry says which verdict a scenario (id or glob) has, why, and for which
versions of the subject; lists of features say what it lacks, and what it offers
only to some. What neither covers has to pass, or to be of the kind that makes no run red. Surprises in
either direction are loud.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Iterable

from vringer.errors import UsageError
from vringer.scenarios import Scenario
from vringer.verdict import VERDICTS, Result

Version = tuple[int, ...]
FLAGS = ("wherever", "sometimes")
KEYS = {"scenario", "verdict", "reason", "url", "message", "versions", "confirmed", *FLAGS}


def version_tuple(text: str) -> Version:
    """`7.2.22 (Debian ...)` as (7, 2, 22); empty if there is no number."""
    number = re.search(r"\d+(\.\d+)*", text)
    return tuple(int(n) for n in number.group().split(".")) if number else ()


def in_range(version: str, versions: str) -> bool:
    """Whether `5.2..7.2` holds @version; 7.2.22 is a 7.2. An unknown version is in every range."""
    low, dots, high = versions.partition("..")
    bounds = (version_tuple(low), version_tuple(high if dots else low))
    have = version_tuple(version)
    if not have:
        return True
    first, last = (have[:len(bound)] for bound in bounds)
    return (not bounds[0] or first >= bounds[0]) and (not bounds[1] or last <= bounds[1])


@dataclass(frozen=True)
class Expectation:
    """One [[expect]] entry of a candidate."""

    scenario: str
    verdict: str
    reason: str = ""
    url: str = ""
    message: str = ""
    versions: str = ""
    confirmed: str = ""
    wherever: bool = False
    sometimes: bool = False

    @cached_property
    def is_glob(self) -> bool:
        return any(c in self.scenario for c in "*?[")

    def names(self, scenario: Scenario) -> bool:
        """Whether it is about @scenario, by its id or an earlier one."""
        if not self.is_glob:
            return self.scenario in scenario.names
        return any(fnmatch.fnmatchcase(name, self.scenario) for name in scenario.names)

    @property
    def why(self) -> str:
        return ", ".join(text for text in (self.reason, self.url) if text)


def parse(entry: dict[str, Any], where: str) -> Expectation:
    """An entry as it stands in the file, or UsageError."""
    flags = {key: bool(entry.get(key)) for key in FLAGS}
    texts = {key: str(value) for key, value in entry.items() if key not in FLAGS}
    for unknown in entry.keys() - KEYS:
        raise UsageError(f"{where}: [[expect]] has no key {unknown!r}",
                         f"known are {', '.join(sorted(KEYS))}")
    for key in ("scenario", "verdict"):
        if key not in texts:
            raise UsageError(f"{where}: an [[expect]] entry lacks {key!r}")
    if texts["verdict"] not in VERDICTS:
        raise UsageError(f"{where}: [[expect]] of {texts['scenario']}: there is no verdict "
                         f"{texts['verdict']!r}", f"known are {', '.join(VERDICTS)}")
    if texts["verdict"] != "pass" and not texts.get("reason"):
        raise UsageError(f"{where}: [[expect]] of {texts['scenario']} gives no reason")
    if any(flags.values()) and not texts.get("message"):
        raise UsageError(f"{where}: [[expect]] of {texts['scenario']} holds when its message is "
                         "seen, and gives none")
    values: dict[str, Any] = {**texts, **flags}
    return Expectation(**values)


def choose(entries: Iterable[Expectation], scenario: Scenario, version: str) -> Expectation | None:
    """The entry that counts: an exact id before a glob, then the first in the file."""
    return _most_fitting(_of(entries, scenario, version))


def _most_fitting(entries: Iterable[Expectation]) -> Expectation | None:
    fitting = [e for e in entries if not e.wherever and not e.sometimes]
    return next((e for e in fitting if not e.is_glob), next(iter(fitting), None))


def _of(entries: Iterable[Expectation], scenario: Scenario, version: str) -> list[Expectation]:
    """Those of @entries that are about @scenario and @version."""
    return [e for e in entries if e.names(scenario)
            and (not e.versions or in_range(version, e.versions))]


def choose_for(result: Result, entries: Iterable[Expectation], scenario: Scenario,
               version: str) -> Expectation | None:
    """The same when it was played: what holds wherever it is seen comes before all others.

    What is seen sometimes, as a race is, comes behind them.
    """
    seen = _evidence(result)
    fitting = _of(entries, scenario, version)
    shown = [e for e in fitting if e.message in seen and e.verdict == result.verdict
             and _speaks_of_ending(e, result)]
    return next((e for e in shown if e.wherever), None) or _most_fitting(fitting) \
        or next((e for e in shown if e.sometimes), None)


def unmatched(entries: Iterable[Expectation], scenarios: Iterable[Scenario]) -> list[Expectation]:
    """Entries that no scenario of the suite answers to: renamed, dropped or mistyped."""
    suite = list(scenarios)
    return [e for e in entries if not any(e.names(s) for s in suite)]


def _evidence(result: Result) -> str:
    play = result.play
    return "\n".join([play.reason, play.expected, play.actual, play.ending, play.waits,
                      *play.violated, *play.readings])


def _speaks_of_ending(entry: Expectation, result: Result) -> bool:
    """Whether @entry knows of a crash or a hang, if there was one: what is known otherwise excuses none."""
    play = result.play
    return not (play.crashed or play.hung) or play.ending.split()[0].strip(",") in entry.message


def _surprise_of_listed(result: Result, entry: Expectation) -> str:
    if result.verdict != entry.verdict:
        kind = "unexpected pass" if result.verdict == "pass" else f"unexpected {result.verdict}"
        return f"{kind}: {entry.verdict} was expected ({entry.why or entry.scenario})"
    if entry.message and entry.message not in _evidence(result):
        return f"failed in another way than expected: nothing says {entry.message!r}"
    if not _speaks_of_ending(entry, result):
        return f"{result.play.ending}, of which nothing is known ({entry.why or entry.scenario})"
    return ""


def lacking(scenario: Scenario, lacks: Iterable[str], queues: int) -> list[str]:
    """What @scenario needs of that which a candidate with @queues queues declares to lack."""
    wanted = {*scenario.needs, *(["queues"] if scenario.queues > queues else [])}
    return [name for name in lacks if name in wanted]


def excuse(result: Result, absent: list[str]) -> Result:
    """It is n/a because @absent is offered only sometimes: whatever else is expected, this is."""
    result.expected_verdict = "n/a"
    result.pinned = f"lacks {', '.join(absent)} here"
    return result


def _surprise_of_unlisted(result: Result, lacked: list[str] | None) -> str:
    if result.verdict == "error":
        return "the scenario could not be played"
    if result.verdict == "n/a" and lacked is not None:
        return "" if lacked else "unexpected n/a: `lacks` of the candidate's file names nothing " \
            "that the scenario needs"
    if lacked and result.verdict in ("pass", "fail"):
        return f"declared lacking, but it was judged: {', '.join(lacked)}"
    if result.verdict == "inconclusive" and not result.tentative:
        return "the point under test was not reached"
    return "unexpected fail" if result.red else ""


def compare(result: Result, entry: Expectation | None, lacked: list[str] | None) -> Result:
    """Fill in what was expected of @result and whether it surprises.

    @lacked is what the scenario needs and the subject is declared to lack; None if nobody declares.
    """
    if entry:
        result.expected_verdict = entry.verdict
        result.pinned = entry.why
        result.confirmed = entry.confirmed
        result.surprise = _surprise_of_listed(result, entry)
    else:
        result.expected_verdict = "n/a" if lacked else "pass"
        result.pinned = f"lacks {', '.join(lacked)}" if lacked else ""
        result.surprise = _surprise_of_unlisted(result, lacked)
    return result
