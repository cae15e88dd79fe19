# SPDX-License-Identifier: Apache-2.0
"""What every scenario of the tree has to have, beyond being readable."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
from collections import defaultdict
from typing import Any

import pytest

from conftest import PLAYER, needs_player
from vringer import clauses, places, scenarios
from vringer.clauses import Clause, edition

pytestmark = needs_player

REGISTRY = clauses.load()
KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_WINDOWS = 10
ALWAYS = (99,)
Head = dict[str, Any]


@pytest.fixture(scope="module")
def heads() -> list[Head]:
    files = scenarios.files_below(places.SCENARIOS)
    done = subprocess.run([PLAYER, "--describe", *files], capture_output=True, text=True,
                          timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def played(heads: list[Head]) -> list[Head]:
    return [head for head in heads if not head["fragment"]]


def both_hold_sometime(head: Head, clause: Clause) -> bool:
    """Whether an edition has the clause for which the scenario is meant."""
    first = max(edition(head["since"] or "") or (), edition(clause.since) or ALWAYS)
    return first <= min(edition(head["until"] or "") or ALWAYS, edition(clause.until) or ALWAYS)


def wrong_with(head: Head, clause: Clause) -> str:
    """Why @head should not check @clause; empty if it may."""
    if head["draft"]:
        return ""
    if edition(clause.since) is None:
        return f"{clause.id} is of a draft"
    return "" if both_hold_sometime(head, clause) else f"{clause.id} holds in other editions"


def test_each_has_a_title_and_a_subject(played: list[Head]) -> None:
    assert not [h["id"] for h in played if not h["title"] or not h["subject"]]


def test_each_checks_a_clause_or_says_what_would_settle_it(played: list[Head]) -> None:
    assert not [h["id"] for h in played if not h["checks"] and not h["tentative"]]


def test_clauses_exist_and_hold_in_its_editions(played: list[Head]) -> None:
    unknown = {h["id"]: c for h in played for c in h["checks"] if c not in REGISTRY.clauses}
    assert not unknown
    named = [(h, REGISTRY.clauses[c]) for h in played for c in h["checks"]]
    assert not [f"{h['id']}: {wrong_with(h, c)}" for h, c in named if wrong_with(h, c)]


def test_names_are_kebab_case(heads: list[Head]) -> None:
    assert not [h["id"] for h in heads if not all(map(KEBAB.fullmatch, h["id"].split("/")))]


def test_no_two_claim_the_same(played: list[Head]) -> None:
    titles: dict[str, list[str]] = defaultdict(list)
    for head in played:
        titles[head["title"].casefold()].append(head["id"])
    assert not [ids for ids in titles.values() if len(ids) > 1]


def test_windows_of_time_are_few(played: list[Head]) -> None:
    assert len([h["id"] for h in played if h["window"]]) <= MOST_WINDOWS


def test_who_waits_for_nothing_to_come_says_why(played: list[Head]) -> None:
    waiting = [h for h in played if {"idle", "silence"} & set(h["constructs"])]
    assert not [h["id"] for h in waiting if not h["window"]]


def test_every_fragment_is_used(heads: list[Head]) -> None:
    used = {name for head in heads for name in head["uses"]}
    fragments = {h["id"].rpartition("/")[2]: h["id"] for h in heads if h["fragment"]}
    assert set(fragments) - used == set()
    assert used - set(fragments) == set()


def test_a_clause_of_a_back_end_has_a_scenario_or_a_reason(played: list[Head]) -> None:
    checked = {clause for head in played for clause in head["checks"]}
    assert not [c.id for c in REGISTRY.clauses.values() if c.role in ("back-end", "both")
                and c.id not in checked and not REGISTRY.uncovered_reason(c.id)]


def test_every_reason_is_about_a_clause() -> None:
    assert not [glob for glob in REGISTRY.reasons
                if not fnmatch.filter(REGISTRY.clauses, glob)]
