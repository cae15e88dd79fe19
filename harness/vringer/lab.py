# SPDX-License-Identifier: Apache-2.0
"""The lab's candidates: programs of other releases, run where ci/lab/build put them.

fixtures/lab/lab.toml says which program stands in which part. Each becomes a
candidate `lab/PART/NAME`: the file that starts the program of this machine,
with the path of the other one in the place of its name.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import os
import shlex
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vringer import candidates, expectations, places
from vringer.candidates import Candidate
from vringer.errors import UsageError
from vringer.expectations import Expectation

PREFIX = "lab/"
DATA = places.ROOT / "fixtures" / "lab"
COMPLETE = ".complete"  # written by ci/lab/build when a part is whole


@dataclass(frozen=True)
class Entry:
    """One program in one part of the lab."""

    part: str
    kind: str
    program: str
    like: str
    called: str = ""
    told_by: str = ""
    options: str = ""
    lacks: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.part}/{self.called or Path(self.program).name}"

    @property
    def is_there(self) -> bool:
        return (folder() / self.part / COMPLETE).is_file()

    @property
    def version(self) -> str:
        """The command that tells the version where the program does not tell it."""
        return self.told_by.replace("{part}", shlex.quote(str(folder() / self.part)))

    @property
    def command(self) -> str:
        """What stands in the place of the program's name."""
        where = folder() / self.part
        if self.kind == "root":
            return f"{shlex.quote(str(folder() / 'enter'))} {shlex.quote(str(where))} {self.program}"
        return f"{shlex.quote(str(where / 'bin' / Path(self.program).name))} {self.options}".rstrip()


def folder() -> Path:
    """Where the lab is."""
    return Path(os.environ.get("VRINGER_LAB") or places.ROOT / "build" / "lab").resolve()


@lru_cache
def entries() -> dict[str, Entry]:
    """Everything that the table knows, whether it is there or not, by name."""
    table = tomllib.loads((DATA / "lab.toml").read_text(encoding="utf-8"))
    kinds = {part["name"]: kind for kind in ("root", "crate", "source")
             for part in table.get(kind, [])}
    known = [Entry(part, kinds[part], line["program"], line["like"], line.get("name", ""),
                   line.get("version", ""), line.get("options", ""),
                   tuple(line.get("lacks", ())), tuple(line.get("offers", ())))
             for line in table.get("candidate", []) for part in line["in"]]
    return {entry.name: entry for entry in known}


def present() -> list[str]:
    """The names of the candidates that can be run."""
    return [name for name, entry in entries().items() if entry.is_there]


def like(name: str) -> str:
    """What the program of candidate @name is called wherever it runs."""
    entry = entries().get(name)
    return entry.like if entry else name.removeprefix(PREFIX)


def _file(like: str) -> Path:
    """The file that a candidate is like: one for this machine, or one for the lab alone."""
    ours = candidates.files()
    return ours[like] if like in ours else DATA / f"{like}.toml"


def load(name: str) -> Candidate:
    """The candidate called @name, or UsageError."""
    entry = entries().get(name)
    if not entry:
        close = difflib.get_close_matches(name, entries(), 1)
        raise UsageError(f"the lab knows no {name!r}", f"did you mean {close[0]!r}?" if close else
                         f"it knows {', '.join(entries())}")
    if not entry.is_there:
        raise UsageError(f"{name}: {entry.part} is not in {folder()}",
                         f"build it: make lab, or ci/lab/build {entry.part}")
    base = candidates.load(_file(entry.like))
    lacks = [feature for feature in (*base.lacks, *entry.lacks) if feature not in entry.offers]
    return dataclasses.replace(
        base, name=name, title=f"{base.title}, {entry.part}", package="",
        command=base.command.replace(entry.program, entry.command),
        version=entry.version or base.version.replace(entry.program, entry.command),
        lacks=tuple(lacks), expect=(*expected(name), *base.expect))


def expected(name: str) -> list[Expectation]:
    """What is known of candidate @name beyond what the file that it is like says."""
    return [entry for globs, entry in _expectations()
            if any(fnmatch.fnmatchcase(name, f"{PREFIX}{glob}") for glob in globs)]


@lru_cache
def _expectations() -> list[tuple[list[str], Expectation]]:
    """The entries of the lab's own expectations; one may be about several scenarios."""
    path = DATA / "expect.toml"
    found = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("expect", []):
        globs, names = entry.pop("in"), entry.pop("scenario")
        for scenario in names if isinstance(names, list) else [names]:
            found.append((globs, expectations.parse({**entry, "scenario": scenario}, str(path))))
    return found


def named(name: str) -> Candidate:
    """The candidate that has a file of its own, or a place in the lab."""
    return load(name) if name.startswith(PREFIX) else candidates.load(candidates.files()[name])


def resolve(what: str, device: str = "", connects: bool = False,
            role: str = "back-end") -> Candidate:
    """What --backend or --frontend means, the lab's candidates among it."""
    if not what.startswith(PREFIX) or "{socket}" in what:
        return candidates.resolve(what, device, connects, role=role)
    found = load(what)
    if found.role != role:
        raise UsageError(f"{what} is a {found.role}")
    return dataclasses.replace(found, device=device) if device else found
