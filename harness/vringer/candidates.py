# SPDX-License-Identifier: Apache-2.0
"""Candidates: the implementations that vringer knows how to start.

A candidate is one TOML file; fixtures/candidates/README.md describes it. A
command line with {socket} in it is a candidate without a file.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import shlex
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vringer import expectations, places
from vringer.errors import SubjectError, UsageError
from vringer.expectations import Expectation

VERSION_SECONDS = 20
ROLES = ("back-end", "front-end")
SHELL_SYNTAX = re.compile(r"[;&|<>()$`]")


@dataclass(frozen=True)
class Candidate:
    """A subject and how to start it."""

    name: str
    command: str
    device: str
    title: str = ""
    setup: str = ""
    version: str = ""
    package: str = ""
    socket: str = "listen"
    queues: int = 1
    lacks: tuple[str, ...] = ()
    may_lack: tuple[str, ...] = ()
    deadline_scale: float = 1.0
    grace: float = 2.0
    reference: bool = False
    role: str = "back-end"
    triggers: tuple[tuple[str, str], ...] = ()
    dialects: tuple[str, ...] = ()
    hooks: tuple[tuple[str, str], ...] = ()
    expect: tuple[Expectation, ...] = ()
    path: Path | None = None

    @property
    def connects(self) -> bool:
        """Whether the subject is the one that connects."""
        return self.socket == "connect"

    @property
    def has_file(self) -> bool:
        return self.path is not None

    def cannot(self, trigger: str) -> bool:
        """Whether nobody knows how to have it do what @trigger names."""
        return bool(trigger) and self.has_file and trigger not in dict(self.triggers)

    def speaks(self, draft: str) -> bool:
        """Whether it knows the numbers of @draft, as far as anybody said; empty: those of the spec."""
        return not draft or not self.has_file or draft in self.dialects

    def command_in(self, draft: str) -> str:
        """What starts it so that it speaks @draft."""
        command = self.command.replace("{device}", self.device)
        if self.needs_guest:
            command = command.replace("{guest}", str(places.guest()))
        return f"{command} --dialect={draft}" if draft in self.dialects else command

    @property
    def needs_guest(self) -> bool:
        """Whether it runs the guest that `make guest` builds."""
        return "{guest}" in self.command


TYPES: dict[str, type | tuple[type, ...]] = {
    "name": str, "title": str, "device": str, "command": str, "setup": str, "version": str,
    "package": str, "socket": str, "queues": int, "lacks": list, "may_lack": list,
    "deadline_scale": (int, float), "grace": (int, float), "reference": bool, "role": str,
    "triggers": dict, "dialects": list, "hooks": dict, "capabilities": dict, "expect": list,
}


def _check(data: dict[str, Any], where: str) -> None:
    for key, value in data.items():
        if key not in TYPES:
            close = difflib.get_close_matches(key, TYPES, 1)
            raise UsageError(f"{where}: unknown key {key!r}",
                             f"did you mean {close[0]!r}?" if close else
                             f"known are {', '.join(TYPES)}")
        if not isinstance(value, TYPES[key]):
            raise UsageError(f"{where}: {key} = {value!r} is of the wrong type")
    for key in ("name", "command", "device"):
        if not data.get(key):
            raise UsageError(f"{where}: {key!r} is missing")
    _check_lacks(data, where)
    _check_role(data, where)
    if data.get("socket", "listen") not in ("listen", "connect"):
        raise UsageError(f"{where}: socket = {data['socket']!r}", 'use "listen" or "connect"')
    if "{socket}" not in data["command"]:
        raise UsageError(f"{where}: the command has no {{socket}}",
                         "put {socket} where the path of the socket belongs")


def _check_lacks(data: dict[str, Any], where: str) -> None:
    for key in ("lacks", "may_lack", "dialects"):
        if not all(isinstance(name, str) for name in data.get(key, ())):
            raise UsageError(f"{where}: {key} = {data[key]!r} is no list of names")
    both = {*data.get("lacks", ())} & {*data.get("may_lack", ())}
    if both:
        raise UsageError(f"{where}: lacks and may_lack both name {', '.join(sorted(both))}")


def _check_role(data: dict[str, Any], where: str) -> None:
    role = data.get("role", ROLES[0])
    if role not in ROLES:
        raise UsageError(f"{where}: role = {role!r}", f"use one of {', '.join(ROLES)}")
    if role == "front-end" and "socket" in data:
        raise UsageError(f"{where}: socket is for back-ends", "a front-end connects to {socket}")
    if role == "back-end" and "triggers" in data:
        raise UsageError(f"{where}: [triggers] is for front-ends", "use [hooks]")


def load(path: Path) -> Candidate:
    """Read one candidate's file, or UsageError."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error
    _check(data, str(path))
    lists = ("triggers", "dialects", "hooks", "capabilities", "expect", "lacks", "may_lack")
    plain = {k: v for k, v in data.items() if k not in lists}
    return Candidate(**plain, path=path, hooks=tuple(data.get("hooks", {}).items()),
                     triggers=tuple(data.get("triggers", {}).items()),
                     lacks=tuple(data.get("lacks", ())),
                     may_lack=tuple(data.get("may_lack", ())),
                     dialects=tuple(data.get("dialects", ())),
                     expect=tuple(expectations.parse(e, str(path)) for e in data.get("expect", ())))


def files(folder: Path | None = None) -> dict[str, Path]:
    """The candidates' files by the name that --backend and --frontend take."""
    return {path.stem: path for path in sorted((folder or places.CANDIDATES).glob("*.toml"))}


def default() -> list[str]:
    """Which back-ends are judged when nobody is named: the real ones; the reference where there are none."""
    loaded = {name: load(path) for name, path in files().items()}
    known = {name: found for name, found in loaded.items() if found.role == "back-end"}
    real = [name for name, candidate in known.items() if not candidate.reference]
    if any(not missing(known[name]) for name in real):
        return real
    if reference := [name for name in known if name not in real]:
        print(f"None of {', '.join(real)} is installed: the reference is judged instead.")
    return reference or real


def _program(command: str) -> str:
    """The program that a command line starts: its first word that assigns no variable."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"the command {command!r} cannot be read: {error}") from error
    return next((w for w in words if "=" not in w), "")


def _anchored(command: str) -> str:
    """@command with a relative path of its program made absolute: a subject runs elsewhere."""
    program = _program(command)
    if "/" not in program or program.startswith("/") or "{" in program:
        return command
    return command.replace(program, str(Path(program).resolve()), 1)


def _option(role: str) -> str:
    """The option that names a candidate of this role."""
    return "--backend" if role == "back-end" else "--frontend"


def from_command(command: str, device: str, connects: bool = False,
                 role: str = "back-end") -> Candidate:
    """A candidate for a command line that somebody typed, or UsageError."""
    if not device:
        raise UsageError(f"{_option(role)} with a command needs --device",
                         "say what it serves, such as --device blk; `vringer list devices` has all")
    name = re.sub(r"[^\w.+-]", "-", Path(_program(command)).name) or "subject"
    return Candidate(name, _anchored(command), device, title=command, role=role,
                     socket="connect" if connects else "listen")


def _of_role(found: Candidate, role: str) -> Candidate:
    if found.role != role:
        raise UsageError(f"{found.name} is a {found.role}", f"name it with {_option(found.role)}")
    return found


def resolve(what: str, device: str = "", connects: bool = False,
            folder: Path | None = None, role: str = "back-end") -> Candidate:
    """What --backend or --frontend means: a candidate's name, its file, or a command with {socket}."""
    known = files(folder)
    if what in known:
        found = _of_role(load(known[what]), role)
        return dataclasses.replace(found, device=device) if device else found
    if "{socket}" in what:
        return from_command(what, device, connects, role)
    if what.endswith(".toml"):
        return _of_role(load(Path(what).resolve()), role)
    close = difflib.get_close_matches(what, known, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise UsageError(f"there is no candidate {what!r}, and as a command it has no {{socket}}",
                     f"{hint}known are {', '.join(known) or 'none'}; or: {_option(role)} "
                     f"'{what} --socket-path {{socket}}' --device blk")


def _missing_guest(candidate: Candidate) -> SubjectError | None:
    if not candidate.needs_guest or (places.guest() / "initramfs").is_file():
        return None
    return SubjectError(f"{candidate.name}: there is no guest in {places.guest()}", "run: make guest")


def missing(candidate: Candidate) -> SubjectError | None:
    """Why the candidate cannot even be tried, with the cure; None if it can.

    The version command tells best which program it is about: the command that starts it may be
    a script around it.
    """
    program = _program(candidate.version or candidate.command)
    if "{" in program or SHELL_SYNTAX.search(program) or shutil.which(program):
        return _missing_guest(candidate)
    cause = f"{candidate.name}: there is no program {program!r}"
    if candidate.package:
        return SubjectError(cause, f"install it: apt-get install {candidate.package}")
    return SubjectError(cause, "give its path, or put its folder on PATH")


def version(candidate: Candidate) -> str:
    """The first number in what the version command prints; empty if it tells none."""
    if not candidate.version:
        return ""
    try:
        done = subprocess.run(["/bin/sh", "-c", candidate.version], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              timeout=VERSION_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    number = re.search(r"\d+(\.\d+)+", done.stdout.decode(errors="replace"))
    return number.group() if number else ""
