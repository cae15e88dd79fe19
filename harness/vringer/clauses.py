# SPDX-License-Identifier: Apache-2.0
"""The clauses of the spec: which hold in an edition, and which turn a run red."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Iterable

from vringer import places
from vringer.errors import HarnessError, UsageError

SPEC_PAGE = "https://www.qemu.org/docs/master/interop/vhost-user.html"
Edition = tuple[int, ...]


def edition(text: str) -> Edition | None:
    """`8.2` as (8, 2); None for what is no release ("draft 2023-07")."""
    return tuple(int(n) for n in text.split(".")) if re.fullmatch(r"\d+(\.\d+)*", text) else None


@dataclass(frozen=True)
class Clause:
    """One normative statement of the spec."""

    id: str
    area: str
    role: str
    level: str
    basis: str
    status: str
    text: str
    section: str
    anchor: str
    since: str
    until: str = ""
    observable: str = ""
    settled: str = ""
    note: str = ""
    superseded_by: str = ""
    device: str = ""
    message: str = ""
    needs: tuple[str, ...] = ()

    @property
    def binds(self) -> bool:
        """Whether the text says it or the record settled it; what is inferred binds nobody."""
        return self.basis in ("explicit", "descriptive") or bool(self.settled)

    @property
    def link(self) -> str:
        return f"{SPEC_PAGE}#{self.anchor}"

    def holds(self, when: Edition) -> bool:
        """Whether it is part of the spec's edition @when."""
        since, until = edition(self.since), edition(self.until)
        return since is not None and since <= when and (until is None or when <= until)

    def reddens(self, when: Edition, strict: bool) -> bool:
        """Whether a violation turns the run red by the edition @when."""
        levels = ("must", "should") if strict else ("must",)
        return self.level in levels and self.binds and self.holds(when)


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _clause(entry: dict[str, Any]) -> Clause:
    names = Clause.__dataclass_fields__.keys() - {"needs"}
    known = {name: _text(entry[name]) for name in names if name in entry}
    return Clause(needs=tuple(entry.get("needs", ())), **known)


def _load(path: Path, head: bool = False) -> dict[str, Any]:
    """What is in the file, or only what stands before its first list: to read all takes a while."""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text.partition("\n[[")[0] if head else text)
    except (OSError, ValueError) as error:
        raise HarnessError(f"{path}: {error}") from error


@dataclass(frozen=True)
class Registry:
    """All clauses, and the newest edition that they were taken from."""

    clauses: dict[str, Clause]
    newest: str
    reasons: dict[str, str] = field(default_factory=dict)

    @cached_property
    def editions(self) -> list[str]:
        """Editions that changed something, oldest first, and the newest."""
        since = {c.since for c in self.clauses.values()} | {self.newest}
        return sorted((e for e in since if edition(e)), key=lambda e: edition(e) or ())

    def parse_edition(self, text: str) -> Edition:
        """The edition that a person asked for, or UsageError."""
        whole, first, last = (edition(e) or () for e in (text, self.editions[0], self.newest))
        when = whole[:2]  # a stable release has the text of the release that it stems from
        if len(when) < 2 or not first <= when <= last:
            raise UsageError(f"there is no edition {text!r} of the spec",
                             f"they go from {self.editions[0]} to {self.newest}, such as 8.2")
        return when

    def uncovered_reason(self, clause_id: str) -> str:
        """Why no scenario checks this clause, if that was written down."""
        for pattern, reason in self.reasons.items():
            if fnmatch.fnmatchcase(clause_id, pattern):
                return reason
        clause = self.clauses[clause_id]
        prefix, _, why = clause.observable.partition(":")
        return why.strip() if prefix.strip().lower() == "not observable" else ""

    def in_force(self, ids: Iterable[str], when: Edition) -> list[str]:
        """Those of @ids that the edition @when does not leave out; what is unknown stays."""
        return [i for i in ids if i not in self.clauses or self.clauses[i].holds(when)]

    def of(self, ids: Iterable[str]) -> list[Clause]:
        """The known ones among @ids."""
        return [self.clauses[i] for i in ids if i in self.clauses]


@cache
def load(folder: Path | None = None) -> Registry:
    """Read the registry of @folder, by default the project's own."""
    folder = folder or places.SPEC
    entries = [_clause(e) for e in _load(folder / "clauses.toml")["clause"]]
    version = _load(folder / "protocol.toml", head=True)["spec"]["version"]
    number = re.search(r"\d+\.\d+", version)
    if number is None:
        raise HarnessError(f"{folder}/protocol.toml: spec.version {version!r} has no number")
    uncovered = folder / "uncovered.toml"
    reasons = _load(uncovered) if uncovered.is_file() else {}
    flat = {k: v for k, v in reasons.get("uncovered", reasons).items() if isinstance(v, str)}
    return Registry({c.id: c for c in entries}, number.group(), flat)
