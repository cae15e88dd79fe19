# SPDX-License-Identifier: Apache-2.0
"""Programs of other releases, where the lab has them (make lab)."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from pairs.backends import Kind
from pairs.hypervisor import Hypervisor
from vringer import lab
from vringer.errors import UsageError

RELEASES = ("trixie", "sid")
EMULATOR = "qemu-system-x86_64"
SHARE_OPTIONS = "--socket-path={socket} --shared-dir={share} --sandbox=none --rlimit-nofile=0"
NEWER_SHARE = Kind("virtiofsd-rust", "fs", f"virtiofsd {SHARE_OPTIONS}", logs=True)
PASST = Kind("passt", "net", "passt --vhost-user -f -s {socket} --runas 65534:65534 -a 10.0.2.15 -g 10.0.2.2 -n 24",
             logs=True, answers=("arp",))
CONTRIB_DISK = Kind("vhost-user-blk", "blk", "vhost-user-blk --socket-path={socket} --blk-file={disk}", logs=True)
OPEN_VSWITCH = Kind("openvswitch", "net", "", logs=True, connects=True, for_a_shell=True)  # as the lab's candidate


# Programs, with their parts, that are known to lose kicks, and why.
LOSES_KICKS = {"virtiofsd-rust-trixie": "a kick that comes before the ring is enabled is lost (vhost-user-backend "
                                        "before 0.22)"}


def _by_root(command: str) -> str:
    """@command, which enters a root of its own, or skip."""
    if os.geteuid():
        pytest.skip("a program with a root of its own is started by root")
    return command


@dataclass(frozen=True)
class Release:
    """A part of the lab, such as a release of Debian."""

    name: str

    def command(self, program: str) -> str:
        """What starts @program of this release, or skip."""
        called = Path(program).name
        built = lab.folder() / self.name / "bin" / called
        commands = [entry.command for entry in lab.entries().values()
                    if entry.part == self.name and Path(entry.program).name == called and entry.is_there]
        if not commands and not built.exists():
            pytest.skip(f"the lab has no {self.name} with {program}: make lab")
        return _by_root(commands[0]) if commands else str(built)

    def kind(self, kind: Kind) -> Kind:
        """The same back-end, of this release."""
        name = f"{kind.name}-{self.name}"
        if kind.for_a_shell:
            return dataclasses.replace(kind, name=name, command=self._candidate(kind.name))
        program, _, options = kind.command.partition(" ")
        return dataclasses.replace(kind, name=name, command=f"{self.command(program)} {options}",
                                   loses_kicks=LOSES_KICKS.get(name, ""))

    def _candidate(self, name: str) -> str:
        """What starts the lab's candidate @name of this release, or skip."""
        try:
            return _by_root(lab.load(f"{lab.PREFIX}{self.name}/{name}").command)
        except UsageError as error:
            pytest.skip(str(error).partition("\n")[0])

    @property
    def share(self) -> Kind:
        """Its virtiofsd, which can hand its state on."""
        return self.kind(NEWER_SHARE)

    def emulator(self, hypervisor: Hypervisor) -> str:
        """Its QEMU, as a file that libvirt can start."""
        path = hypervisor.folder / f"qemu-{self.name}"
        if not path.exists():
            path.write_text(f'#!/bin/sh\nexec {self.command(EMULATOR)} "$@"\n', encoding="utf-8")
            path.chmod(0o755)
        return str(path)
