# SPDX-License-Identifier: Apache-2.0
"""What the pair tests share: one hypervisor for each process, a folder, back-ends and machines for each test."""

from __future__ import annotations

import itertools
from inspect import signature
from pathlib import Path
from typing import Iterator

import pytest

from pairs import kicks
from pairs.agent import Stalled
from pairs.backends import Backend, Kind, make_data
from pairs.domain import BUILT_GUEST, EMULATOR
from pairs.hypervisor import Hypervisor
from pairs.machine import Machine, console
from pairs.migration import Migration, takes_over

numbers = itertools.count(1)
ATTEMPTS = 3
REQUESTS_OF_A_SHARE = 1  # its ring


@pytest.fixture(scope="session")
def hypervisor() -> Iterator[Hypervisor]:
    """libvirt in this process. At the end nothing may be left."""
    if not (BUILT_GUEST / "initramfs").exists():
        pytest.skip(f"there is no guest in {BUILT_GUEST}: make guest")
    made = Hypervisor()
    yield made
    left = made.leftovers()
    made.close()
    assert not left, f"processes were left behind: {left}"


def work(machine: Machine, depth: int = 1) -> None:
    """Have the guest use its device from now on, a disk with @depth requests under way at a time."""
    match machine.backends[0].kind.device:
        case "blk":
            machine.agent.ask("steady", "/dev/vda", 0, 256, depth)
        case "fs":
            machine.agent.ask("mount", "share", "/share")
            machine.agent.ask("steady", "/share/steady", 0, 64)
        case "net":
            machine.agent.ask("echo", "eth0", *machine.backends[0].kind.answers)
    machine.agent.goes_on()


class Pair:
    """What one test has: data, back-ends that serve it, and machines."""

    def __init__(self, hypervisor: Hypervisor) -> None:
        self.hypervisor = hypervisor
        self.emulator = EMULATOR
        self._begin()

    def _begin(self) -> None:
        self.name = f"t{next(numbers)}"
        self.data = make_data(self.hypervisor.folder / f"{self.name}-data")
        self.backends: list[Backend] = []
        self.machines: list[Machine] = []

    def begin_again(self) -> None:
        """End everything, and have nothing started."""
        self.end()
        self._begin()

    def faults(self, error: BaseException | None) -> list[str]:
        """The known faults of the back-ends that showed, when @error came of them."""
        told = [backend.fault for backend in self.backends if backend.fault]
        return told or [machine.backends[0].kind.loses_kicks for machine in self.machines[-1:]
                        if isinstance(error, Stalled) and machine.backends and machine.backends[0].kind.loses_kicks
                        and kicks.waits_for_one(machine, REQUESTS_OF_A_SHARE)]

    @property
    def disk(self) -> Path:
        return self.data / "disk"

    @property
    def share(self) -> Path:
        return self.data / "share"

    def second_data(self) -> Path:
        """For a back-end that serves something else."""
        return make_data(self.hypervisor.folder / f"{self.name}-second")

    def backend(self, kind: Kind, data: Path | None = None) -> Backend:
        """Start a back-end on the data of this test, or skip."""
        if kind.missing:
            pytest.skip(kind.missing)
        made = Backend(kind, self.hypervisor.folder, data or self.data,
                       f"{self.name}b{len(self.backends)}")
        self.backends.append(made)
        return made

    def machine(self, *kinds: Kind, incoming: bool = False, reconnects: bool = False,
                data: Path | None = None) -> Machine:
        """Start a machine with a back-end of each kind."""
        backends = [self.backend(kind, data) for kind in kinds]
        made = Machine(self.hypervisor, f"{self.name}m{len(self.machines)}", backends, self.emulator, incoming,
                       reconnects)
        self.machines.append(made)
        return made

    def booted(self, *kinds: Kind, reconnects: bool = False) -> Machine:
        """The same, with the guest ready."""
        made = self.machine(*kinds, reconnects=reconnects)
        made.agent.hello()
        return made

    def under_load(self, kind: Kind, reconnects: bool = False, depth: int = 1) -> Machine:
        """A machine whose guest uses the device all the time."""
        made = self.booted(kind, reconnects=reconnects)
        work(made, depth)
        return made

    def migrates_now(self, source: Machine) -> None:
        """The guest goes on at the source, and a new attempt to another destination completes."""
        source.agent.goes_on()
        second = self.machine(source.backends[0].kind, incoming=True)
        Migration(source, second).completes()
        takes_over(source, second)

    def end(self) -> None:
        for machine in self.machines:
            machine.destroy()
        for backend in self.backends:
            backend.end()

    def evidence(self) -> str:
        """What everybody said, for a failure."""
        parts = []
        for machine in self.machines:
            if machine.hangs:
                parts.append(f"--- {machine.name}: {machine.diagnosis('in the end')}")
                machine.kill()
            parts.append(f"--- {machine.name}: guest: {' | '.join(machine.agent.lines[-8:])}")
            parts.append(f"--- QEMU: {machine.told()[-1500:]}\n--- console: {console(machine)}")
        parts += [f"--- {backend.kind.name}: {backend.told()}" for backend in self.backends]
        return "\n".join(parts)


@pytest.fixture
def pair(hypervisor: Hypervisor) -> Iterator[Pair]:
    made = Pair(hypervisor)
    yield made
    made.end()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failure shows what everybody said. One that comes of a known fault of a back-end, which says so itself,
    is expected."""
    report = (yield).get_result()  # type: ignore[attr-defined]
    pair = getattr(item, "funcargs", {}).get("pair")
    if not pair or call.when != "call" or not report.failed:
        return
    faults = pair.faults(call.excinfo.value if call.excinfo else None)  # a machine that hangs is killed for the rest
    report.sections.append(("pair", pair.evidence()))
    if faults:
        report.outcome, report.wasxfail = "skipped", faults[0]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A fault of a back-end that shows now and then says nothing of what is tested: try again, and tell.
    The last time is pytest's own."""
    pair = pyfuncitem.funcargs.get("pair")
    arguments = {name: pyfuncitem.funcargs[name] for name in signature(pyfuncitem.obj).parameters}
    if not isinstance(pair, Pair):
        return None
    for _ in range(ATTEMPTS - 1):
        try:
            pyfuncitem.obj(**arguments)
        except Exception as error:
            faults = pair.faults(error)
            if not faults:
                raise
            pyfuncitem.warn(pytest.PytestWarning(f"tried again: {faults[0]}"))
            pair.begin_again()
        else:
            return True
    return None


def ids(kinds: tuple[Kind, ...]) -> list[str]:
    return [kind.name for kind in kinds]
