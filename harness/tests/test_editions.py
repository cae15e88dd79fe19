# SPDX-License-Identifier: Apache-2.0
"""Older editions of the spec: who is judged by what, and that every expectation makes sense in each."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Vringer, needs_player
from vringer import candidates, clauses, expectations, scenarios
from vringer.candidates import Candidate
from vringer.clauses import Clause, edition
from vringer.errors import UsageError
from vringer.scenarios import Scenario

OLD, NEW = "ring.start-on-kick", "ring.start-on-set-vring-kick"
BOTH = f"{OLD} {NEW}"
REGISTRY = clauses.load()
ENTRY = '[[expect]]\nscenario = "ring/start-on-first-kick"\nverdict = "fail"\nreason = "r"\n'


def judged(vringer: Vringer, behaviour: str, spec: str) -> tuple[int, dict[str, Any]]:
    vringer.fake("one", behaviour, BOTH)
    code, _, results = vringer.judge("--spec", spec)
    return code, results[0]


def test_the_clauses_meant_here_follow_each_other() -> None:
    assert REGISTRY.clauses[OLD].until == "11.0" and REGISTRY.clauses[NEW].since == "11.1"


@pytest.mark.parametrize("spec, clause", [("11.0", OLD), ("8.2", OLD), ("11.1", NEW)])
def test_a_scenario_is_judged_by_the_clauses_that_hold(vringer: Vringer, spec: str,
                                                       clause: str) -> None:
    code, result = judged(vringer, "fail", spec)
    assert (code, result["red"], result["clauses"]) == (1, True, [clause])


@pytest.mark.parametrize("spec, violated", [("11.0", NEW), ("11.1", OLD)])
def test_a_clause_that_does_not_hold_turns_nothing_red(vringer: Vringer, spec: str,
                                                       violated: str) -> None:
    code, result = judged(vringer, f'fail {{"clauses": ["{violated}"]}}', spec)
    assert (code, result["red"], result["level"]) == (0, False, None)
    assert result["violated"] == [violated]


def test_what_was_withdrawn_is_not_quoted(vringer: Vringer) -> None:
    vringer.fake("one", f'fail {{"clauses": ["{OLD}", "{NEW}"]}}', BOTH)
    shown = vringer.judge("--spec", "11.1")[1]
    assert f"clause    {NEW}" in shown and OLD not in shown


def test_a_stable_release_has_the_text_of_its_release() -> None:
    assert REGISTRY.parse_edition("8.1.5") == edition("8.1")
    assert REGISTRY.parse_edition(f"{REGISTRY.newest}.2") == edition(REGISTRY.newest)
    with pytest.raises(UsageError, match="no edition"):
        REGISTRY.parse_edition("8")


def follows(old: Clause, new: Clause) -> bool:
    """Whether no edition has both, and none between them has neither."""
    between = [e for e in REGISTRY.editions
               if (edition(old.until) or ()) < (edition(e) or ()) < (edition(new.since) or ())]
    return (edition(old.until) or ()) < (edition(new.since) or ()) and not between


def test_a_superseded_clause_ends_where_its_successor_begins() -> None:
    ended = [c for c in REGISTRY.clauses.values() if c.status == "superseded"]
    assert ended and all(c.superseded_by in REGISTRY.clauses for c in ended)
    assert not [c.id for c in ended if not follows(c, REGISTRY.clauses[c.superseded_by])]


def applies_sometime(scenario: Scenario, candidate: Candidate) -> bool:
    return any(not scenario.why_not(candidate.device, edition(e) or (), REGISTRY, candidate.role)
               for e in REGISTRY.editions)


@needs_player
def test_every_expectation_of_ours_applies_in_some_edition() -> None:
    suite = scenarios.load()
    for path in candidates.files().values():
        candidate = candidates.load(path)
        mine = [s for s in suite if applies_sometime(s, candidate)]
        assert not expectations.unmatched(candidate.expect, mine), path.name


@needs_player
@pytest.mark.parametrize("spec", ["8.1", "11.1"])
def test_an_entry_for_what_the_edition_leaves_out_matches_something(real: Vringer,
                                                                    spec: str) -> None:
    path = real.candidate("mine", 'name = "mine"\ndevice = "blk"\ncommand = "vu-backend '
                          f'--socket-path={{socket}} --device=blk"\n{ENTRY}')
    real.scenario("one", "-> GET_FEATURES\n<- GET_FEATURES", BOTH)
    code, shown, results = real.judge("--spec", spec, backend=str(path))
    assert (code, len(results)) == (0, 1), shown


@needs_player
@pytest.mark.parametrize("name", [name for name, path in candidates.files().items()
                                  if candidates.load(path).role == "back-end"])
def test_what_only_older_editions_ask_for_is_as_expected(real: Vringer, name: str) -> None:
    candidate = candidates.resolve(name)
    if candidates.missing(candidate) and not candidate.reference:
        pytest.skip(f"{name} is not installed")
    withdrawn = [s for s in scenarios.load() if s.until and s.subject == "back-end"]
    assert withdrawn
    for spec in {s.until for s in withdrawn}:
        names = [s.id for s in withdrawn if s.holds(edition(spec) or ())]
        done = real.run("run", "--backend", name, "--spec", spec, "--output", "out", *names)
        assert done.returncode == 0, done.stdout
