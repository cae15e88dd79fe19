# SPDX-License-Identifier: Apache-2.0
"""`vringer list`, `explain` and --help: what people read and what programs rely on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import CLAUSE, Vringer, needs_player


def listed(vringer: Vringer, what: str) -> list[dict[str, Any]]:
    done = vringer.run("list", what, "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert isinstance(rows, list) and rows
    return rows


@needs_player
def test_list_clauses_is_a_stable_interface(real: Vringer) -> None:
    rows = listed(real, "clauses")
    for row in rows:
        assert {"id", "role", "level", "status", "scenarios"} <= row.keys()
        assert isinstance(row["scenarios"], list)
    known = {s["id"] for s in listed(real, "scenarios")}
    used = {name for row in rows for name in row["scenarios"]}
    assert used and used <= known


@needs_player
def test_every_scenario_of_ours_can_be_read(real: Vringer) -> None:
    for row in listed(real, "scenarios"):
        assert row["error"] is None
        assert row["title"] and row["subject"] in ("back-end", "front-end")


@needs_player
@pytest.mark.parametrize("what", ["scenarios", "clauses", "candidates", "devices"])
def test_lists_for_people(real: Vringer, what: str) -> None:
    done = real.run("list", what)
    assert done.returncode == 0
    rows = listed(real, what)
    assert len(done.stdout.splitlines()) >= len(rows)


def test_clauses_without_a_scenario_say_why(vringer: Vringer) -> None:
    shown = vringer.run("list", "clauses").stdout
    assert "no scenario: " in shown


@needs_player
def test_explain(real: Vringer) -> None:
    clause = real.run("explain", CLAUSE)
    assert clause.returncode == 0
    for text in ("must", "SET_VRING_KICK starts the ring", "vhost-user.html#ring-states"):
        assert text in clause.stdout
    scenario = next(row for row in listed(real, "scenarios") if row["checks"])
    told = real.run("explain", scenario["id"]).stdout
    assert scenario["title"] in told and scenario["checks"][0] in told and "title " in told
    for word in ("pass", "fail", "inconclusive", "n/a", "error", "hung"):
        assert real.run("explain", word).returncode == 0


def test_help_teaches(vringer: Vringer) -> None:
    for words in (("--help",), ("run", "--help")):
        done = vringer.run(*words)
        assert done.returncode == 0
        assert "examples:" in done.stdout and "{socket}" in done.stdout
    assert vringer.run().returncode == 2
    assert "0 all as expected, 1 something was not, 2 wrong usage" in vringer.run("--help").stdout


def test_without_a_player_the_cure_is_named(vringer: Vringer) -> None:
    vringer.player = vringer.folder / "gone"
    done = vringer.run("list", "devices")
    assert done.returncode == 4
    assert "run: make" in done.stderr
