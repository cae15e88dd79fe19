# SPDX-License-Identifier: Apache-2.0
"""One QEMU with a guest: what libvirt does to it, under deadlines, and a diagnosis when it no longer answers."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

import libvirt
import libvirt_qemu

from pairs import diagnose, domain
from pairs.agent import Agent
from pairs.backends import Backend
from pairs.hypervisor import Hypervisor
from vringer.deadline import Late, call, until
from vringer.qmp import Monitor

VERB_SECONDS = 60
START_SECONDS = 120
SAVE_SECONDS = 120
MONITOR_SECONDS = 2


class Hung(AssertionError):
    """QEMU did not answer; it was killed. The text says what it was doing."""


class Machine:
    """A domain and the lines to it: libvirt's, a monitor of our own, the agent in the guest."""

    def __init__(self, hypervisor: Hypervisor, name: str, backends: list[Backend],
                 emulator: str = domain.EMULATOR, incoming: bool = False, reconnects: bool = False) -> None:
        self.hypervisor = hypervisor
        self.name = f"{hypervisor.folder.name[-4:]}-{name}"
        self.backends = backends
        self.folder = hypervisor.folder / name
        self.folder.mkdir()
        text = domain.xml(self.name, hypervisor.guest, self.folder, backends, emulator, incoming,
                          reconnects)
        self.domain: Any = self._call("start", hypervisor.connection.createXML, text, seconds=START_SECONDS)
        self._open()

    def _open(self) -> None:
        self.agent = Agent(self.folder / "agent")
        self.qmp = Monitor(self.folder / "qmp")

    def _close(self) -> None:
        self.agent.close()
        self.qmp.close()

    @property
    def pid(self) -> int:
        """QEMU's process; 0 when there is none."""
        path = self.hypervisor.folder / "libvirt" / "run" / "qemu" / f"{self.name}.pid"
        return int(path.read_text(encoding="ascii")) if path.exists() else 0

    @property
    def state(self) -> str:
        """How QEMU itself says that it is."""
        return str(self.qmp.ask("query-status")["status"])

    def told(self) -> str:
        """What QEMU printed."""
        log = self.hypervisor.folder / "libvirt" / "log" / "qemu" / f"{self.name}.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    # What libvirt has a verb for

    def suspend(self, seconds: float = VERB_SECONDS) -> None:
        self._call("suspend", self.domain.suspend, seconds=seconds)

    def resume(self) -> None:
        self._call("resume", self.domain.resume)

    def reset(self) -> None:
        """Reset it, and wait until the guest is there again."""
        since = len(self.agent.lines)
        self._call("reset", self.domain.reset, 0)
        self.agent.hello(since)

    def save_and_restore(self) -> None:
        """Save its state to a file, which ends QEMU, and start another one from that."""
        path = str(self.folder / "state")
        told = self.agent.lines
        self._call("save", self.domain.save, path, seconds=SAVE_SECONDS)
        self._close()
        self._call("restore", self.hypervisor.connection.restore, path, seconds=SAVE_SECONDS)
        os.unlink(path)
        self.domain = self.hypervisor.connection.lookupByName(self.name)
        self._open()
        self.agent.lines[:0] = told

    def attach(self, device: str) -> None:
        self._call("attach", self.domain.attachDeviceFlags, device, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def detach(self, device: str) -> None:
        self._call("detach", self.domain.detachDeviceFlags, device, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def monitor(self, command: str) -> str:
        """A command by libvirt's own monitor."""
        return str(self._call(command, libvirt_qemu.qemuMonitorCommand, self.domain, command, 0))

    # How it ends

    def _signal(self, number: signal.Signals) -> None:
        if pid := self.pid:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """Kill QEMU where it stands, and wait until it is gone."""
        if pid := self.pid:
            self._signal(signal.SIGKILL)
            with suppress(ChildProcessError, Late):
                call(os.waitpid, pid, 0, seconds=VERB_SECONDS)

    def freeze(self) -> None:
        """Have QEMU stand still."""
        self._signal(signal.SIGSTOP)

    def is_gone(self) -> None:
        """Wait until it has ended by itself."""
        until(lambda: not self.pid, "QEMU ends", VERB_SECONDS)

    def destroy(self) -> None:
        """End it. Killed before libvirt hears of it: libvirt looks five times a second whether it has ended."""
        self._close()
        self.kill()
        with suppress(libvirt.libvirtError, Late):
            call(self.domain.destroy, seconds=VERB_SECONDS)

    # A hang

    def _call(self, what: str, verb: Callable[..., Any], *arguments: Any,
              seconds: float = VERB_SECONDS) -> Any:
        try:
            return call(verb, *arguments, seconds=seconds)
        except Late as error:
            text = self.diagnosis(what)
            self.kill()
            raise Hung(text) from error

    @property
    def hangs(self) -> bool:
        """Whether it does not even say how it is."""
        return self._second_monitor() == "silent"

    def diagnosis(self, what: str) -> str:
        """Who waits where, after @what did not come to an end."""
        lines = [f"{what}: QEMU does not answer"]
        lines.append(f"  a second monitor: {self._second_monitor()}")
        lines.append(diagnose.report("QEMU", self.pid))
        for backend in self.backends:
            lines.append(diagnose.report(backend.kind.name, backend.pid))
            lines.extend(diagnose.sockets(backend.socket))
            lines.append(f"  {backend.kind.name} said: {backend.told()[-300:]}")
        return "\n".join(lines)

    def _second_monitor(self) -> str:
        try:
            return str(self.qmp.ask("query-status", MONITOR_SECONDS)["status"])
        except Late:
            return "silent"
        except (AttributeError, OSError) as error:
            return f"gone ({error})"


def console(machine: Machine) -> str:
    """The end of what the guest's kernel said."""
    path: Path = machine.folder / "console"
    return path.read_text(encoding="utf-8", errors="replace")[-1500:] if path.exists() else ""
