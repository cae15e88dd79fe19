# SPDX-License-Identifier: Apache-2.0
"""Expectations: what they match, and that every surprise is one."""

from pathlib import Path
from typing import Any

import pytest

from vringer.errors import UsageError
from vringer.expectations import (Expectation, choose, choose_for, compare, in_range, lacking, parse,
                                  unmatched)
from vringer.scenarios import Scenario
from vringer.verdict import Play, Result

ONE = Scenario(Path("ring/one.vus"), "ring/one", alias=("ring/uno",))


def result(verdict: str, red: bool = False, tentative: str = "", **play: Any) -> Result:
    return Result("dev", "ring/one", 1, "One", verdict, ["a.b"], Play(verdict, **play), red=red,
                  tentative=tentative)


@pytest.mark.parametrize("version, versions, inside", [
    ("7.2.22", "7.2", True), ("7.2.22", "5.2..7.2", True), ("7.2.22", "..7.2", True),
    ("7.2.22", "8.0..", False), ("7.10", "..7.2", False), ("10.0.13", "8.0..", True),
    ("7.2.22", "7.2.23..", False), ("", "8.0..", True), ("5.1", "5.2..7.2", False),
])
def test_version_ranges(version: str, versions: str, inside: bool) -> None:
    assert in_range(version, versions) is inside


def test_an_exact_id_counts_before_a_glob_and_versions_before_both() -> None:
    glob = Expectation("ring/*", "fail", "all")
    exact = Expectation("ring/one", "n/a", "one")
    old = Expectation("ring/one", "error", "old", versions="..5.2")
    assert choose([glob, old, exact], ONE, "7.2") is exact
    assert choose([glob, old, exact], ONE, "5.2") is old
    assert choose([glob], ONE, "7.2") is glob
    assert choose([Expectation("ring/uno", "fail", "by its earlier id")], ONE, "7.2")
    assert choose([Expectation("mem/*", "fail", "other")], ONE, "7.2") is None


def test_what_holds_wherever_it_is_seen() -> None:
    """One cause with many faces: it is about what shows it, and says nothing of the rest."""
    cause = Expectation("*", "fail", "one cause", message="garbage", wherever=True)
    usual = Expectation("ring/one", "fail", "another")
    shown = result("fail", red=True, reason="there is garbage")
    assert choose([cause], ONE, "7.2") is None
    assert choose_for(shown, [usual, cause], ONE, "7.2") is cause
    assert choose_for(result("fail", reason="lost"), [usual, cause], ONE, "7.2") is usual
    assert choose_for(result("pass"), [cause], ONE, "7.2") is None
    assert compare(shown, cause, []).surprise == ""


@pytest.mark.parametrize("ending", ["crashed SIGSEGV", "hung, and has no pulse"])
def test_no_entry_excuses_a_crash_that_it_does_not_speak_of(ending: str) -> None:
    """Another release may fail by the same scenario, and much worse."""
    got = result("fail", red=True, reason="garbage", ending=ending)
    for message in ("", "garbage"):
        known = Expectation("ring/one", "fail", "why", message=message)
        assert ending in compare(got, known, []).surprise
    everywhere = Expectation("*", "fail", "why", message="garbage", wherever=True)
    named = Expectation("ring/one", "fail", "why", message=ending)
    assert choose_for(got, [everywhere, named], ONE, "") is named
    assert compare(got, named, []).surprise == ""


def test_what_is_seen_sometimes() -> None:
    """A race: whoever shows it is excused, whoever does not is as good, and what else is known counts first."""
    race = Expectation("*", "fail", "a race", message="lost", sometimes=True)
    usual = Expectation("ring/one", "fail", "another")
    shown = result("fail", red=True, reason="it is lost")
    assert choose([race], ONE, "7.2") is None
    assert choose_for(shown, [race], ONE, "7.2") is race
    assert choose_for(shown, [race, usual], ONE, "7.2") is usual
    for other in (result("pass"), result("fail", red=True, reason="garbage"), result("error", reason="lost")):
        assert choose_for(other, [race], ONE, "7.2") is None
    assert compare(shown, race, []).surprise == ""


def test_entries_that_match_nothing() -> None:
    known, lost = Expectation("ring/*", "fail", "r"), Expectation("rings/one", "fail", "r")
    assert unmatched([known, lost], [ONE]) == [lost]


@pytest.mark.parametrize("got, entry, lacked, surprise", [
    (result("pass"), None, [], ""),
    (result("fail", red=True), None, None, "unexpected fail"),
    (result("fail"), None, None, ""),
    (result("inconclusive"), None, None, "not reached"),
    (result("inconclusive", tentative="x"), None, None, ""),
    (result("error"), None, None, "could not be played"),
    (result("n/a"), None, None, ""),
    (result("n/a"), None, [], "unexpected n/a"),
    (result("n/a"), None, ["STATUS"], ""),
    (result("pass"), None, ["STATUS"], "declared lacking, but it was judged: STATUS"),
    (result("fail"), None, ["STATUS"], "declared lacking"),
    (result("error"), None, ["STATUS"], "could not be played"),
    (result("inconclusive"), None, ["STATUS"], "not reached"),
    (result("pass"), Expectation("*", "pass"), ["STATUS"], ""),
    (result("n/a"), Expectation("*", "n/a", "r"), [], ""),
    (result("pass"), Expectation("*", "fail", "r", url="http://bug"), [], "unexpected pass"),
    (result("fail", red=True), Expectation("*", "fail", "r"), [], ""),
    (result("fail"), Expectation("*", "pass"), [], "unexpected fail"),
    (result("fail", reason="too late"), Expectation("*", "fail", "r", message="late"), [], ""),
    (result("fail", reason="never"), Expectation("*", "fail", "r", message="late"), [],
     "in another way"),
    (result("error"), Expectation("*", "error", "r"), [], ""),
])
def test_surprises(got: Result, entry: Expectation | None,
                   lacked: list[str] | None, surprise: str) -> None:
    compared = compare(got, entry, lacked)
    assert (surprise in compared.surprise) if surprise else not compared.unexpected
    assert compared.expected_verdict == (
        entry.verdict if entry else "n/a" if lacked else "pass")


def test_what_is_lacked_is_what_is_needed_and_declared() -> None:
    needy = Scenario(Path("a/b.vus"), "a/b", needs=("STATUS", "LOG_ALL"), queues=2)
    assert lacking(needy, ("RING_PACKED", "LOG_ALL"), 2) == ["LOG_ALL"]
    assert lacking(needy, ("queues",), 2) == []
    assert lacking(needy, ("queues",), 1) == ["queues"]


@pytest.mark.parametrize("entry, told", [
    ({"scenario": "a", "verdict": "fails", "reason": "r"}, "no verdict 'fails'"),
    ({"scenario": "a", "verdict": "fail"}, "no reason"),
    ({"verdict": "fail", "reason": "r"}, "lacks 'scenario'"),
    ({"scenario": "a", "verdict": "pass", "verison": "1"}, "no key 'verison'"),
])
def test_wrong_entries_are_told(entry: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse(entry, "x.toml")


@pytest.mark.parametrize("flag", ["wherever", "sometimes"])
def test_what_holds_when_it_is_seen_says_what_is_seen(flag: str) -> None:
    with pytest.raises(UsageError, match="gives none"):
        parse({"scenario": "*", "verdict": "fail", "reason": "r", flag: True}, "x.toml")
