# SPDX-License-Identifier: Apache-2.0
"""QEMU and virtiofsd of newer releases, where the lab has them: what the machine's own cannot do yet."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from pairs.backends import Kind
from pairs.hypervisor import Hypervisor
from vringer import lab

RELEASES = ("trixie", "sid")
EMULATOR = "qemu-system-x86_64"
SHARE_OPTIONS = "--socket-path={socket} --shared-dir={share} --sandbox=none --rlimit-nofile=0"


@dataclass(frozen=True)
class Release:
    """A release of Debian in the lab."""

    name: str

    def command(self, program: str) -> str:
        """What starts @program of this release, or skip."""
        entry = next((e for e in lab.entries().values() if e.part == self.name and e.program == program), None)
        if not entry or not entry.is_there:
            pytest.skip(f"the lab has no {self.name} with {program}: make lab")
        if os.geteuid():
            pytest.skip("an emulator with a root of its own is started by root")
        return entry.command

    @property
    def share(self) -> Kind:
        """Its virtiofsd, which can hand its state on."""
        return Kind(f"virtiofsd-{self.name}", "fs", f"{self.command('virtiofsd')} {SHARE_OPTIONS}", logs=True)

    def emulator(self, hypervisor: Hypervisor) -> str:
        """Its QEMU, as a file that libvirt can start."""
        path = hypervisor.folder / f"qemu-{self.name}"
        if not path.exists():
            path.write_text(f'#!/bin/sh\nexec {self.command(EMULATOR)} "$@"\n', encoding="utf-8")
            path.chmod(0o755)
        return str(path)
