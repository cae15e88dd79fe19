# SPDX-License-Identifier: Apache-2.0
"""What counts as catching a quirk, what is remembered of that, and that the tables of quirks hold together."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterable, NamedTuple

import pytest
from conftest import BUILD, needs_player

import mutation
import witnesses
from mutation import Case, Found, Quirk, Search
from vringer import clauses
from vringer.candidates import Candidate
from vringer.places import ROOT
from vringer.scenarios import Scenario
from vringer.verdict import Play
from witnesses import Witness

QUIRK = Quirk("back-end", "ring-stands", "ring.enabled-normal", "", "a ring stands still")


class Table(NamedTuple):
    """What one program says that it can be made to do."""

    role: str
    program: Path
    rows: list[dict[str, str]]


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


@pytest.mark.parametrize("verdict, violated, checks, shown", [
    ("fail", [], [QUIRK.clause], True),
    ("fail", [QUIRK.clause], [QUIRK.clause, "hdr.layout"], True),
    ("fail", ["hdr.version-one"], [QUIRK.clause], False),
    ("fail", ["hdr.version-one"], [], True),
    ("pass", [], [QUIRK.clause], False),
])
def test_what_shows_that_a_scenario_can_fail(verdict: str, violated: list[str], checks: list[str],
                                             shown: bool) -> None:
    assert mutation.shows(case(*checks), Play(verdict, violated=violated)) == shown


def test_what_is_tentative_catches_nothing() -> None:
    assert not mutation.catches(case(QUIRK.clause, tentative="not said"), Play("fail"), QUIRK)


def test_the_nearest_scenarios_are_played_first() -> None:
    far, area, same, slow = (case("hdr.layout"), case("ring.enable-message"), case("hdr.layout", QUIRK.clause),
                             case(QUIRK.clause, window="it takes time"))
    assert mutation.by_promise(QUIRK, [far, slow, area, same]) == [same, slow, area, far]


def test_only_its_own_side_is_asked_about_a_quirk() -> None:
    theirs = replace(case(QUIRK.clause).scenario, subject="front-end")
    assert mutation.by_promise(QUIRK, [replace(case(), scenario=theirs)]) == []
    assert mutation.by_kinship(theirs, [QUIRK]) == []


def test_a_quirk_is_added_to_those_that_are_there() -> None:
    subject = mutation.quirky(mutation.quirky(case().subject, "one"), "two")
    assert subject.command == "vu-backend {socket} --quirk=one --quirk=two"


def test_an_older_edition_is_played_by_its_own_rule() -> None:
    by = [c.edition for c in mutation.by_editions(case().scenario, case().subject)]
    until = [c.edition for c in mutation.by_editions(replace(case().scenario, until="8.1"), case().subject)]
    since = [c.edition for c in mutation.by_editions(replace(case().scenario, since="11.1"), case().subject)]
    assert (by, until, since) == (["", mutation.OLDER], [mutation.OLDER], [""])


# ---- what is remembered ----

def test_few_witnesses_stand_for_all() -> None:
    found, one, two = Found(), case(QUIRK.clause), case("hdr.layout")
    two = replace(two, scenario=replace(two.scenario, id="hdr/two"))
    found.note(one, QUIRK, Play("fail"))
    found.note(one, replace(QUIRK, clause="hdr.version-one"), Play("fail"))
    found.note(two, QUIRK, Play("fail"))
    assert found.witnesses() == {Witness(QUIRK.name, "ring/x", "blk"), Witness(QUIRK.name, "hdr/two", "blk")}


def test_witnesses_are_read_as_they_were_written(tmp_path: Path) -> None:
    known = [Witness("a-b", "ring/x", "blk"), Witness("a-b", "ring/y", "net")]
    witnesses.write(reversed(known), tmp_path / "known")
    assert witnesses.read(tmp_path / "known") == known
    assert not witnesses.read(tmp_path / "nothing")


class Answers:
    """A bench on which every play ends as it is told; notes who was asked."""

    def __init__(self, play: Play) -> None:
        self.play, self.asked, self.most = play, 0, 1000

    def quirky(self, _case: Case, _quirk: Quirk) -> Play:
        self.asked += 1
        return self.play if self.asked <= self.most else Play("pass")

    def each(self, work: Callable[[Any], Any], things: Iterable[Any]) -> Iterable[Any]:
        return [work(thing) for thing in things]


def search(play: Play, *cases: Case) -> tuple[Search, Answers]:
    bench = Answers(play)
    playing: Any = bench
    return Search(playing, list(cases), [c.scenario for c in cases], [QUIRK]), bench


def test_a_witness_that_still_holds_spares_the_search() -> None:
    asked, bench = search(Play("fail"), case(QUIRK.clause))
    asked.recall([Witness(QUIRK.name, "ring/x", "blk"), Witness("gone", "ring/x", "blk")])
    assert not asked.survivors(quick=False) and not asked.idle(quick=False)
    assert bench.asked == 1


def test_what_failed_but_once_shows_nothing() -> None:
    asked, bench = search(Play("fail"), case(QUIRK.clause))
    bench.most = 1
    assert asked.survivors(quick=False) == [QUIRK]
    assert asked.hunt(QUIRK, quick=False) is None


def test_a_quick_search_stays_with_those_that_name_the_clause(tmp_path: Path) -> None:
    asked, bench = search(Play("pass"), case("ring.enable-message"))
    path = tmp_path / "x.vus"
    path.write_text("# no quirk: it cannot be\n", encoding="utf-8")
    excused = replace(asked.scenarios[0], path=path)
    asked.scenarios = [excused]
    assert asked.survivors(quick=True) == [QUIRK]
    assert asked.idle(quick=True) == [] and bench.asked == 0
    assert asked.survivors(quick=False) == [QUIRK] and bench.asked == 1
    assert asked.idle(quick=False) == [excused]
    assert mutation.conclude(asked, [QUIRK], [excused]) == 1


# ---- the tables ----

@pytest.fixture(name="table", scope="module", params=mutation.ROLES)
def listed(request: pytest.FixtureRequest) -> Table:
    program = BUILD / "bin" / mutation.ROLES[request.param]
    done = subprocess.run([program, "--list-quirks=json"], capture_output=True, text=True, timeout=10, check=True)
    return Table(request.param, program, json.loads(done.stdout))


@needs_player
def test_names_are_different_words(table: Table) -> None:
    names = [row["name"] for row in table.rows]
    assert len(names) == len(set(names)) >= {"back-end": 90, "front-end": 40}[table.role]
    assert [n for n in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", n)] == []


@needs_player
def test_every_quirk_breaks_what_binds_its_side(table: Table) -> None:
    known = clauses.load().clauses
    assert [row["clause"] for row in table.rows if row["clause"] not in known] == []
    other = {"back-end": "front-end", "front-end": "back-end"}[table.role]
    assert [row["name"] for row in table.rows if known[row["clause"]].role == other] == []


@needs_player
def test_the_text_tells_the_same(table: Table) -> None:
    text = subprocess.run([table.program, "--list-quirks"], capture_output=True, text=True, timeout=10,
                          check=True).stdout
    assert all(part in text for row in table.rows for part in row.values())


@needs_player
def test_a_quirk_that_there_is_not(table: Table) -> None:
    done = subprocess.run([table.program, "--socket-path=/nowhere", "--quirk=none"], capture_output=True, timeout=10,
                          check=False)
    assert done.returncode == 2


@pytest.mark.parametrize("room", ["backend", "frontend"])
def test_every_quirk_shows_somewhere(room: str) -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "peers" / room).glob("*.c"))
    table = (ROOT / "peers" / room / "quirks.def").read_text(encoding="utf-8")
    ids = re.findall(r"^QUIRK\((\w+),", table, re.MULTILINE)
    assert [i for i in ids if not re.search(rf"\bQUIRK_{i}\b", code)] == []
