# SPDX-License-Identifier: Apache-2.0
"""Which clauses hold when, and which make a run red."""

import pytest

from vringer import clauses
from vringer.clauses import Clause, edition
from vringer.errors import UsageError


def clause(level: str = "must", basis: str = "explicit", since: str = "2.1", until: str = "",
           settled: str = "") -> Clause:
    return Clause("a.b", "a", "back-end", level, basis, "current", "text", "Section", "anchor",
                  since, until, settled=settled)


def test_editions_compare_as_numbers() -> None:
    assert (edition("2.12") or ()) > (edition("2.5") or ())
    assert edition("draft 2023-07") is None


@pytest.mark.parametrize("since, until, when, holds", [
    ("2.5", "", "2.4", False), ("2.5", "", "2.5", True), ("2.5", "8.1", "8.1", True),
    ("2.5", "8.1", "8.2", False), ("11.1", "", "11.0", False), ("draft 2021-01", "", "11.1", False),
])
def test_a_clause_holds_between_since_and_until(since: str, until: str, when: str,
                                                holds: bool) -> None:
    assert clause(since=since, until=until).holds(edition(when) or ()) is holds


@pytest.mark.parametrize("level, basis, settled, strict, red", [
    ("must", "explicit", "", False, True), ("must", "descriptive", "", False, True),
    ("must", "inferred", "", False, False), ("must", "inferred", "commit 1234", False, True),
    ("should", "explicit", "", False, False), ("should", "explicit", "", True, True),
    ("should", "inferred", "", True, False), ("may", "explicit", "", True, False),
])
def test_what_turns_a_run_red(level: str, basis: str, settled: str, strict: bool,
                              red: bool) -> None:
    assert clause(level, basis, settled=settled).reddens((11, 1), strict) is red


def test_a_clause_of_another_edition_turns_nothing_red() -> None:
    assert not clause(since="11.1").reddens((11, 0), True)


def test_the_registry_knows_its_newest_edition() -> None:
    registry = clauses.load()
    assert registry.parse_edition(registry.newest) == edition(registry.newest)
    assert registry.editions[-1] == registry.newest


@pytest.mark.parametrize("text", ["banana", "99.9", "1.0", "8.", ""])
def test_an_unknown_edition_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="no edition"):
        clauses.load().parse_edition(text)


def test_the_reason_for_a_gap_can_be_written_down_or_is_not_observable() -> None:
    one = clause()
    hidden = Clause("h.i", "h", "back-end", "must", "explicit", "current", "t", "S", "a", "2.1",
                    observable="not observable: happens inside")
    registry = clauses.Registry({"a.b": one, "h.i": hidden}, "11.1", {"a.*": "needs a guest"})
    assert registry.uncovered_reason("a.b") == "needs a guest"
    assert registry.uncovered_reason("h.i") == "happens inside"
