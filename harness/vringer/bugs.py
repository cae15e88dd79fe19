# SPDX-License-Identifier: Apache-2.0
"""Known bugs of real releases as data: fixtures/lab/bugs.toml.

An entry says which candidates of the lab have the bug, which have it no more, and
by which scenario it is seen, with what it has to be called there: the clause, and
where that is not enough a reading, an ending, or words of what was reported. What no
part of the lab can show is there as well, with the reason.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable

from vringer import lab
from vringer.errors import UsageError

FILE = lab.DATA / "bugs.toml"
Row = dict[str, Any]  # one of the results of --json


@dataclass(frozen=True)
class Bug:
    """One published bug."""

    id: str
    title: str
    source: str
    scenario: str
    affected: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    clause: str = ""
    reading: str = ""
    ending: str = ""
    says: str = ""
    verdict: str = "fail"

    def shows_in(self, row: Row) -> bool:
        """Whether a result is this bug, called by its name."""
        evidence = row["evidence"]
        told = "\n".join(str(evidence[key] or "") for key in ("reason", "expected", "actual"))
        return (row["verdict"] == self.verdict
                and (not self.clause or self.clause in (*row["violated"], *row["clauses"]))
                and self.reading in (row["reading"] or "")
                and row["ending"].startswith(self.ending) and self.says in told)


@dataclass(frozen=True)
class LeftOut:
    """A published bug that the lab cannot show, and why."""

    id: str
    title: str
    source: str
    why: str


@dataclass(frozen=True)
class Finding:
    """What one candidate showed of one bug."""

    bug: Bug
    candidate: str
    has_it: bool
    row: Row | None

    @property
    def as_known(self) -> bool:
        """Caught where it is, absent where it was fixed; what was not judged is neither."""
        if not self.row or self.row["verdict"] not in ("pass", "fail", self.bug.verdict):
            return False
        return self.bug.shows_in(self.row) == self.has_it

    @property
    def told(self) -> str:
        """What was seen, in a few words."""
        if not self.row:
            return "not in the lab"
        what = [self.row["verdict"], self.row["reading"] or "",
                "" if self.row["ending"] == "clean" else self.row["ending"]]
        return ", ".join(word for word in what if word)


def _check(data: dict[str, Any], kind: type[Bug] | type[LeftOut]) -> None:
    """Whether @data has all that an entry of @kind needs and nothing else."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in data.keys() - fields.keys():
        raise UsageError(f"{FILE}: {data.get('id')} has an unknown key {key!r}",
                         f"known are {', '.join(fields)}")
    for name, field in fields.items():
        if field.default is dataclasses.MISSING and not data.get(name):
            raise UsageError(f"{FILE}: {data.get('id')} lacks {name!r}")


def parse(data: dict[str, Any]) -> Bug:
    """An entry as it stands in the file, or UsageError."""
    _check(data, Bug)
    if not any(data.get(key) for key in ("clause", "reading", "ending", "says")):
        raise UsageError(f"{FILE}: {data['id']} does not say what it is called when it is seen")
    names: dict[str, Any] = {key: tuple(_expand(data.get(key, ()))) for key in ("affected", "fixed")}
    return Bug(**{**data, **names})


def _expand(globs: Iterable[str]) -> list[str]:
    """The lab's candidates that @globs mean."""
    found = [name for glob in globs for name in lab.entries()
             if fnmatch.fnmatchcase(name, f"{lab.PREFIX}{glob}")]
    for glob in globs:
        if not fnmatch.filter(lab.entries(), f"{lab.PREFIX}{glob}"):
            raise UsageError(f"{FILE}: the lab has no candidate {glob!r}")
    return list(dict.fromkeys(found))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error


def load(path: Path = FILE) -> list[Bug]:
    """Every known bug that can be looked for."""
    return [parse(entry) for entry in _read(path).get("bug", [])]


def left_out(path: Path = FILE) -> list[LeftOut]:
    """Every other one."""
    entries = _read(path).get("left-out", [])
    for entry in entries:
        _check(entry, LeftOut)
    return [LeftOut(**entry) for entry in entries]


def wanted(known: Iterable[Bug]) -> dict[str, list[str]]:
    """Which scenarios have to be played against which candidate."""
    plays: dict[str, list[str]] = {}
    for bug in known:
        for name in (*bug.affected, *bug.fixed):
            plays.setdefault(name, [])
            if bug.scenario not in plays[name]:
                plays[name].append(bug.scenario)
    return plays


def findings(known: Iterable[Bug], rows: Iterable[Row]) -> list[Finding]:
    """What @rows say of @known bugs, one finding for each candidate that one names."""
    seen = {(row["subject"], row["scenario"]): row for row in rows}
    return [Finding(bug, name, has_it, seen.get((name, bug.scenario)))
            for bug in known for has_it, names in ((True, bug.affected), (False, bug.fixed))
            for name in names]
