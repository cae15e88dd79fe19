# SPDX-License-Identifier: Apache-2.0
"""Live migration between two machines of this host, by QMP: libvirt does not migrate to the host that it comes from."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable

from pairs.domain import MEMORY_KIB
from pairs.machine import Machine
from pairs.relay import Relay
from vringer.deadline import until

SECONDS = 120
SLOW = 1 << 20  # bytes a second: the RAM phase then lasts until something ends it
MODERATE = 1 << 26
FAST = 1 << 30
ROUNDS = 6
DOWNTIME_MS = 300
STILL_SECONDS = 0.5
PAGE = 4096


class Migration:
    """One attempt."""

    def __init__(self, source: Machine, destination: Machine, slow: bool = False,
                 holds_at_switchover: bool = False, return_path: bool = False,
                 damage: tuple[bytes, int] | None = None, lingers: bool = False) -> None:
        """With @damage, the byte that comes so far behind that marker arrives as another one. One that @lingers
        sends what the guest and its devices change again before it ends, as often as there is much of it."""
        self.source, self.destination = source, destination
        incoming = destination.folder / "migration"
        outgoing = destination.folder / "relay" if damage else incoming
        capabilities = {"events": True, "return-path": return_path}
        set_capabilities(destination, **capabilities)
        set_capabilities(source, **capabilities, **{"pause-before-switchover": holds_at_switchover})
        set_limits(source, SLOW if slow else MODERATE if lingers else FAST, 1 if lingers else DOWNTIME_MS)
        destination.qmp.ask("migrate-incoming", uri=f"unix:{incoming}")
        self.relay = Relay(outgoing, incoming, *damage) if damage else None
        source.qmp.events.clear()
        source.qmp.ask("migrate", uri=f"unix:{outgoing}")

    @classmethod
    def held(cls, phase: str, source: Machine, destination: Machine) -> Migration:
        """An attempt that goes no further than @phase: active, with RAM under way, or pre-switchover."""
        at_switchover = phase == "pre-switchover"
        made = cls(source, destination, slow=not at_switchover, holds_at_switchover=at_switchover)
        made.reaches(phase)
        return made

    def reaches(self, *statuses: str) -> str:
        """Wait until the source says one of @statuses; which one."""
        event = self.source.qmp.event(status_in(*statuses), " or ".join(statuses), SECONDS)
        return str(event["data"]["status"])

    def sends_changes(self) -> None:
        """Have what @lingers send changes for several rounds, unless it ends before, and end then."""
        def rounds() -> int:
            told = self.info()
            lasts = told.get("status") in ("setup", "active")
            return int(told.get("ram", {}).get("dirty-sync-count", 0)) if lasts else ROUNDS

        until(lambda: rounds() >= ROUNDS, "changes are sent", SECONDS)
        set_limits(self.source, FAST, DOWNTIME_MS)

    def switches_over(self) -> None:
        """Go on from where it was held."""
        self.source.qmp.ask("migrate-continue", state="pre-switchover")

    def loses_the_destination(self) -> None:
        """Kill the destination of an attempt that is held, and wait until the source has given up."""
        self.destination.kill()
        if self.info()["status"] == "pre-switchover":
            self.switches_over()
        self.fails()

    def cancel(self) -> None:
        self.source.qmp.ask("migrate_cancel")
        assert self.reaches("cancelled", "completed") == "cancelled"

    def completes(self) -> None:
        """Wait until the destination has taken over, running or not."""
        ended = self.reaches("completed", "failed")
        assert ended == "completed", f"{self.info()}\n{self.source.told()}\n{self.destination.told()}"
        self.destination.qmp.event(status_in("completed"), "completed", SECONDS)

    def fails(self) -> str:
        """Wait until the source has given up; its reason."""
        ended = self.reaches("failed", "completed")
        assert ended == "failed", f"it {ended}"
        return str(self.info().get("error-desc", ""))

    def stands_still(self) -> None:
        """Wait until nothing is sent any more."""
        def sent() -> int:
            return int(self.info().get("ram", {}).get("transferred", 0))

        def still() -> bool:
            before = sent()
            threading.Event().wait(STILL_SECONDS)
            return sent() == before

        until(still, "the stream stands still", SECONDS)

    def info(self) -> dict[str, Any]:
        return dict(self.source.qmp.ask("query-migrate"))


def takes_over(source: Machine, destination: Machine) -> None:
    """The guest goes on at the destination, from where it was, and finds everything as it was."""
    assert source.state == "postmigrate"
    assert destination.agent.goes_on() > source.agent.sequence
    destination.agent.stops()


def status_in(*statuses: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["event"] == "MIGRATION" and event["data"]["status"] in statuses


def set_limits(machine: Machine, bandwidth: int, downtime_ms: int) -> None:
    machine.qmp.ask("migrate-set-parameters", **{"max-bandwidth": bandwidth, "downtime-limit": downtime_ms})


def set_capabilities(machine: Machine, **states: bool) -> None:
    machine.qmp.ask("migrate-set-capabilities", capabilities=[
        {"capability": name, "state": state} for name, state in states.items()])


def _memory(machine: Machine) -> bytes:
    path: Path = machine.folder / "memory"
    machine.qmp.ask("pmemsave", SECONDS, val=0, size=MEMORY_KIB << 10, filename=str(path))
    content = path.read_bytes()
    path.unlink()
    return content


def different_pages(source: Machine, destination: Machine) -> list[int]:
    """Which pages of RAM are not the same, of two machines that both stand still."""
    here, there = _memory(source), _memory(destination)
    if here == there:
        return []
    return [at // PAGE for at in range(0, len(here), PAGE) if here[at:at + PAGE] != there[at:at + PAGE]]


def loses_no_page(source: Machine, destination: Machine) -> None:
    """What the device wrote while RAM was under way is at the destination, and the log said so: RAM is the same."""
    destination.qmp.ask("stop")  # it waits, with what it was sent
    migration = Migration(source, destination, lingers=True)
    migration.sends_changes()
    migration.completes()
    differ = different_pages(source, destination)
    assert not differ
    destination.qmp.ask("cont")
    takes_over(source, destination)
