# SPDX-License-Identifier: Apache-2.0
"""The scenarios: what their heads say, and which of them apply to a subject.

Only the player reads the language; it describes the heads of any number of
files in one go, one JSON object a line.
"""

from __future__ import annotations

import fnmatch
import json
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Iterable

from vringer import places
from vringer.clauses import Edition, Registry, edition
from vringer.errors import HarnessError

DESCRIBE_SECONDS = 60
FILES_A_CALL = 2000


def area_of(scenario_id: str) -> str:
    """The area that an id is in."""
    area, slash, _ = scenario_id.partition("/")
    return area if area.strip(".") and slash else "elsewhere"


@dataclass(frozen=True)
class Scenario:
    """The head of one .vus file."""

    path: Path
    id: str
    title: str = ""
    subject: str = "back-end"
    checks: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    queues: int = 1
    since: str = ""
    until: str = ""
    version: int = 1
    tentative: str = ""
    window: str = ""
    draft: str = ""
    trigger: str = ""
    alias: tuple[str, ...] = ()
    constructs: tuple[str, ...] = ()
    fragment: bool = False
    error: str = ""

    @property
    def area(self) -> str:
        """The folder that it lives in: the first part of its id."""
        return area_of(self.id)

    @property
    def gives_time(self) -> bool:
        """Whether it says itself how long it waits for something."""
        return "within" in self.constructs

    @property
    def names(self) -> tuple[str, ...]:
        """Its id and the ids that it had before."""
        return (self.id, *self.alias)

    def holds(self, when: Edition) -> bool:
        """Whether it is meant for the edition @when of the spec."""
        since, until = edition(self.since), edition(self.until)
        return (since is None or since <= when) and (until is None or when <= until)

    def why_not(self, device: str, when: Edition, registry: Registry,
                role: str = "back-end") -> str:
        """Why it does not apply to a subject of that device type, edition and role; empty if it does."""
        if self.error:
            return ""
        if self.subject != role:
            return f"judges {self.subject}s"
        if self.device and device not in self.device:
            return f"for {' or '.join(self.device)}"
        if not self.holds(when):
            return "for other editions of the spec"
        clauses = registry.of(self.checks)
        if clauses and not self.draft and not any(c.holds(when) for c in clauses):
            return "checks what this edition of the spec does not say"
        return ""


def files_below(folder: Path) -> list[Path]:
    """All scenario files of a folder, in an order that never changes."""
    return sorted(folder.rglob("*.vus"))


def _id(path: Path) -> str:
    """A scenario's id is its path below scenarios/; a file from elsewhere goes by its own path."""
    base = places.SCENARIOS if path.is_relative_to(places.SCENARIOS) else Path.cwd()
    place = path.relative_to(base) if path.is_relative_to(base) else path
    return place.with_suffix("").as_posix()


def _error(path: Path, head: dict[str, Any]) -> str:
    """What is wrong with the file in one line; playing it shows the place."""
    error = head.get("error") or {}
    hint = f" ({error['hint']})" if error.get("hint") else ""
    return f"{path}:{error.get('line')}: error: {error.get('text')}{hint}" if error else ""


def _scenario(path: Path, head: dict[str, Any]) -> Scenario:
    said: dict[str, Any] = {k: tuple(head.get(k) or ()) for k in
                            ("checks", "needs", "without", "device", "alias", "constructs")}
    said |= {k: str(head.get(k) or "") for k in
             ("title", "since", "until", "tentative", "window", "draft", "trigger")}
    return Scenario(path, _id(path), subject=head.get("subject") or "back-end",
                    queues=int(head.get("queues") or 1), version=int(head.get("version") or 1),
                    fragment=bool(head.get("fragment")), error=_error(path, head), **said)


def _describe(paths: list[Path]) -> dict[str, dict[str, Any]]:
    """Ask the player for the heads of @paths, by path."""
    command = [str(places.player()), "--describe", *map(str, paths)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=DESCRIBE_SECONDS,
                              stdin=subprocess.DEVNULL, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"vu-frontend --describe: {error}", "run: make") from error
    heads = {}
    for line in done.stdout.decode(errors="replace").splitlines():
        try:
            head = json.loads(line)
            heads[str(head["path"])] = head
        except (ValueError, KeyError, TypeError):
            raise HarnessError(f"vu-frontend --describe printed {line[:80]!r}") from None
    return heads


def describe(paths: Iterable[Path]) -> list[Scenario]:
    """The heads of @paths, in their order; a file that cannot be read has `error` set."""
    wanted = [path.resolve() for path in paths]
    scenarios = []
    for start in range(0, len(wanted), FILES_A_CALL):
        chunk = wanted[start:start + FILES_A_CALL]
        heads = _describe(chunk)
        lost = {"error": {"text": "vu-frontend --describe said nothing about it"}}
        scenarios += [_scenario(path, heads.get(str(path), lost)) for path in chunk]
    return scenarios


@cache
def suite() -> tuple[Scenario, ...]:
    """Every file of the suite, fragments too; they are read once."""
    return tuple(describe(files_below(places.SCENARIOS)))


def load(folder: Path | None = None) -> list[Scenario]:
    """Every scenario of the suite or of @folder, fragments left out."""
    heads = describe(files_below(folder)) if folder else suite()
    return [s for s in heads if not s.fragment]


def find(scenarios: Iterable[Scenario], name: str) -> list[Scenario]:
    """Those that @name means: an id, an earlier id, an area or a glob."""
    whole = name.removesuffix(".vus").removeprefix("scenarios/").rstrip("/")
    return [s for s in scenarios if any(
        n == whole or n.startswith(whole + "/") or fnmatch.fnmatchcase(n, whole) for n in s.names)]
