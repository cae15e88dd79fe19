# SPDX-License-Identifier: Apache-2.0
"""`vringer explain`: what a scenario does, what a clause says, what a verdict means."""

from __future__ import annotations

import difflib
import textwrap
from pathlib import Path

from vringer import clauses, scenarios
from vringer.clauses import Clause, Registry
from vringer.errors import UsageError
from vringer.scenarios import Scenario
from vringer.summary import Exit

WIDTH = 100
VERDICT_TEXTS = {
    "pass": "The subject did what the clauses say.",
    "fail": "The subject broke a clause. The run is red if the clause is a `must` that the text of "
            "the spec states (basis explicit or descriptive) or that the record settled, with "
            "--strict a `should` too, and whenever the subject crashed or hung. Otherwise the "
            "failure is told as advice: it is what a clarification of the spec would settle.",
    "inconclusive": "The point under test was never reached, so that nothing is known about the "
                    "clauses. It counts as not expected.",
    "n/a": "The subject lacks what the scenario needs, such as a feature it does not offer. It is "
           "never counted as a pass; a candidate's file has to say that it lacks this.",
    "error": "The harness, the scenario or the set-up failed; it says nothing about the subject.",
    "advice": "A failure that does not make the run red: the clause is a `should`, a `may`, "
              "inferred, or the scenario is tentative or names no clause. The reading beside it "
              "says which way the subject takes the spec.",
    "known": "Not a pass, but exactly what the candidate's file says of this version: verdict, "
             "reason, and where it is reported.",
    "reading": "A label for one way to understand a clause that allows several.",
    "clean": "An ending: the subject went on until the player was done with it.",
    "closed": "An ending: the subject closed the connection before the scenario was over.",
    "crashed": "An ending: a signal ended the subject. Always red.",
    "exited": "An ending: the subject ended itself with that status.",
    "hung": "An ending: the subject did not answer before the deadline; `waits` shows who waits "
            "for whom. Always red, and shown first.",
}


def nearest(word: str, known: list[str]) -> str:
    """A hint at what may have been meant; empty if nothing is close."""
    close = difflib.get_close_matches(word, known, 3, 0.6)
    return f"did you mean {' or '.join(close)}?" if close else ""


def _wrap(text: str, indent: str = "  ") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _about(fields: list[tuple[str, str]]) -> list[str]:
    return [textwrap.fill(text, WIDTH, initial_indent=f"  {name:<12} ",
                          subsequent_indent=" " * 15, break_long_words=False)
            for name, text in fields if text]


def clause_text(clause: Clause, registry: Registry, suite: list[Scenario]) -> str:
    """A clause, where it stands, and who checks it."""
    users = [s.id for s in suite if clause.id in s.checks]
    reason = registry.uncovered_reason(clause.id) or "nobody wrote one so far"
    holds = f"{clause.since} to {clause.until or 'now'}"
    lines = [clause.id, _wrap(clause.text), ""]
    lines += _about([("level", clause.level), ("basis", clause.basis), ("role", clause.role),
                     ("device", clause.device), ("editions", holds),
                     ("status", clause.status), ("superseded", clause.superseded_by),
                     ("settled", clause.settled), ("note", clause.note),
                     ("needs", " ".join(clause.needs)),
                     ("message", clause.message), ("section", clause.section),
                     ("spec", clause.link), ("seen by", clause.observable),
                     ("scenarios", ", ".join(users) or f"none: {reason}")])
    return "\n".join(lines)


def scenario_text(scenario: Scenario, registry: Registry) -> str:
    """A scenario's claim, its clauses, and the file itself."""
    editions = f"{scenario.since}..{scenario.until}" if scenario.since or scenario.until else ""
    lines = [scenario.id, _wrap(scenario.title or scenario.error), ""]
    lines += _about([("judges", scenario.subject), ("device", " ".join(scenario.device)),
                     ("needs", " ".join(scenario.needs)), ("editions", editions),
                     ("tentative", scenario.tentative), ("window", scenario.window),
                     ("version", str(scenario.version))])
    for clause in registry.of(scenario.checks):
        lines += ["", f"  checks {clause.id} ({clause.level}, {clause.basis}), {clause.section}",
                  _wrap(clause.text, "    "), f"    {clause.link}"]
    source = scenario.path.read_text(encoding="utf-8", errors="replace")
    return "\n".join([*lines, "", f"{scenario.path}:", textwrap.indent(source, "    ").rstrip()])


def show(what: str) -> int:
    """Explain @what, whichever it is."""
    if what in VERDICT_TEXTS:
        print(f"{what}\n{_wrap(VERDICT_TEXTS[what])}")
        return Exit.EXPECTED
    registry = clauses.load()
    suite = scenarios.load()
    if what in registry.clauses:
        print(clause_text(registry.clauses[what], registry, suite))
        return Exit.EXPECTED
    print(scenario_text(_one_scenario(what, registry, suite), registry))
    return Exit.EXPECTED


def _one_scenario(what: str, registry: Registry, suite: list[Scenario]) -> Scenario:
    if what.endswith(".vus") and Path(what).is_file():
        return scenarios.describe([Path(what)])[0]
    found = scenarios.find(suite, what)
    exact = [s for s in found if what in s.names]
    if not found:
        known = [*VERDICT_TEXTS, *registry.clauses, *(s.id for s in suite)]
        raise UsageError(f"{what!r} is no scenario, clause or verdict", nearest(what, known))
    if not exact and len(found) > 1:
        raise UsageError(f"{what!r} means {len(found)} scenarios",
                         f"name one: {', '.join(s.id for s in found[:5])}, ...")
    return (exact or found)[0]
