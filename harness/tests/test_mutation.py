# SPDX-License-Identifier: Apache-2.0
"""What counts as catching a quirk, and that the table of quirks holds together."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from conftest import BUILD, needs_player

import mutation
from mutation import Case, Quirk
from vringer import clauses
from vringer.candidates import Candidate
from vringer.places import ROOT
from vringer.scenarios import Scenario
from vringer.verdict import Play

BACKEND = BUILD / "bin" / "vu-backend"
QUIRK = Quirk("ring-stands", "ring.enabled-normal", "", "a ring stands still")


def case(*checks: str, tentative: str = "", window: str = "", device: str = "blk") -> Case:
    scenario = Scenario(Path("x.vus"), "ring/x", checks=checks, tentative=tentative, window=window)
    return Case(scenario, Candidate("reference", "vu-backend {socket}", device))


@pytest.mark.parametrize("verdict, violated, checks, caught", [
    ("fail", [], [QUIRK.clause], True),
    ("fail", [QUIRK.clause], [], True),
    ("fail", ["hdr.version-one"], [QUIRK.clause], False),
    ("fail", [], ["hdr.version-one"], False),
    ("inconclusive", [], [QUIRK.clause], False),
    ("pass", [QUIRK.clause], [QUIRK.clause], False),
])
def test_what_catches(verdict: str, violated: list[str], checks: list[str], caught: bool) -> None:
    assert mutation.catches(case(*checks), Play(verdict, violated=violated), QUIRK) == caught


def test_a_crash_behind_the_last_line_catches() -> None:
    assert mutation.catches(case(QUIRK.clause), Play("pass", ending="crashed SIGSEGV"), QUIRK)


def test_what_is_tentative_catches_nothing() -> None:
    assert not mutation.catches(case(QUIRK.clause, tentative="not said"), Play("fail"), QUIRK)


def test_the_nearest_scenarios_are_played_first() -> None:
    far, area, same, slow = (case("hdr.layout"), case("ring.enable-message"), case("hdr.layout", QUIRK.clause),
                             case(QUIRK.clause, window="it takes time"))
    assert mutation.by_promise(QUIRK, [far, slow, area, same]) == [same, slow, area, far]


def test_what_needs_a_request_is_not_for_the_generic_device() -> None:
    play = Play("error", "generic has no request probe")
    assert mutation.out_of_reach(case(device="generic"), play)
    assert not mutation.out_of_reach(case(), play)


def test_a_quirk_is_added_to_those_that_are_there() -> None:
    subject = mutation.quirky(mutation.quirky(case().subject, "one"), "two")
    assert subject.command == "vu-backend {socket} --quirk=one --quirk=two"


# ---- the table ----

@pytest.fixture(name="rows", scope="module")
def listed() -> list[dict[str, str]]:
    done = subprocess.run([BACKEND, "--list-quirks=json"], capture_output=True, text=True, timeout=10, check=True)
    rows: list[dict[str, str]] = json.loads(done.stdout)
    return rows


@needs_player
def test_names_are_different_words(rows: list[dict[str, str]]) -> None:
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names)) >= 90
    assert [n for n in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", n)] == []


@needs_player
def test_every_quirk_breaks_what_binds_a_back_end(rows: list[dict[str, str]]) -> None:
    known = clauses.load().clauses
    assert [row["clause"] for row in rows if row["clause"] not in known] == []
    assert [row["name"] for row in rows if known[row["clause"]].role == "front-end"] == []


@needs_player
def test_the_text_tells_the_same(rows: list[dict[str, str]]) -> None:
    text = subprocess.run([BACKEND, "--list-quirks"], capture_output=True, text=True, timeout=10, check=True).stdout
    assert all(part in text for row in rows for part in row.values())


@needs_player
def test_a_quirk_that_there_is_not() -> None:
    done = subprocess.run([BACKEND, "--socket-path=/nowhere", "--quirk=none"], capture_output=True, timeout=10,
                          check=False)
    assert done.returncode == 2


def test_every_quirk_shows_somewhere() -> None:
    room = ROOT / "peers" / "backend"
    code = "\n".join(path.read_text(encoding="utf-8") for path in room.glob("*.c"))
    table = (room / "quirks.def").read_text(encoding="utf-8")
    ids = re.findall(r"^QUIRK\((\w+),", table, re.MULTILINE)
    assert [i for i in ids if not re.search(rf"\bQUIRK_{i}\b", code)] == []
