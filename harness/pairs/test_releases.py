# SPDX-License-Identifier: Apache-2.0
"""Pairs of other releases, from the lab: what offers LOG_ALL goes through migrations, and what it logs is right."""

from __future__ import annotations

import pytest

from pairs.backends import REFERENCE_DISK, REFERENCE_NET, REFERENCE_SHARE, STORAGE_DAEMON, TESTPMD, VIRTIOFSD, Kind
from pairs.conftest import Pair, work
from pairs.migration import Migration, loses_no_page
from pairs.newer import CONTRIB_DISK, NEWER_SHARE, OPEN_VSWITCH, PASST, Release
from vringer.deadline import until

NEWEST, STABLE = "sid", "trixie"
FIRMWARE_SECONDS = 120
# QEMU's release, the back-end, and where in the lab it is; the reference is nowhere there.
PAIRS = [
    (NEWEST, REFERENCE_DISK, ""),
    *((release, kind, "") for release in (NEWEST, STABLE) for kind in (REFERENCE_NET, REFERENCE_SHARE)),
    *((NEWEST, STORAGE_DAEMON, part) for part in ("bullseye", "bookworm", "trixie", "sid")),
    (STABLE, STORAGE_DAEMON, "trixie"),
    (NEWEST, CONTRIB_DISK, "qemu-7.2.0"),
    *((NEWEST, TESTPMD, f"{part}-dpdk") for part in ("bullseye", "bookworm", "trixie", "sid")),
    (STABLE, TESTPMD, "trixie-dpdk"),
    *((NEWEST, OPEN_VSWITCH, f"{part}-ovs") for part in ("bullseye", "bookworm", "trixie", "sid")),
    *((NEWEST, PASST, part) for part in ("trixie", "sid")),
    (STABLE, PASST, "trixie"),
    *((NEWEST, NEWER_SHARE, part) for part in ("trixie", "sid")),
    (STABLE, NEWER_SHARE, "trixie"),
]
STATELESS = [(release, VIRTIOFSD, part) for release in (NEWEST, STABLE) for part in ("bullseye", "bookworm")]


def ids(pairs: list[tuple[str, Kind, str]]) -> list[str]:
    return ["-".join(filter(None, ("qemu", release, kind.name, part))) for release, kind, part in pairs]


@pytest.fixture
def kind(request: pytest.FixtureRequest, pair: Pair) -> Kind:
    """A back-end of the one release in front of which the QEMU of another one stands."""
    release: str
    backend: Kind
    release, backend, part = request.param
    pair.emulator = Release(release).emulator(pair.hypervisor)
    return Release(part).kind(backend) if part else backend


every = pytest.mark.parametrize("kind", PAIRS, ids=ids(PAIRS), indirect=True)
stateless = pytest.mark.parametrize("kind", STATELESS, ids=ids(STATELESS), indirect=True)


@every
def test_the_log_is_right_when_logging_starts_again_after_a_cancelled_attempt(pair: Pair, kind: Kind) -> None:
    """SET_FEATURES turns logging on, off, and on again under I/O; what the device wrote is at the destination."""
    source = pair.under_load(kind)
    cancelled = Migration.held("active", source, pair.machine(kind, incoming=True))
    source.agent.goes_on()
    cancelled.cancel()
    source.agent.goes_on()
    loses_no_page(source, pair.machine(kind, incoming=True))


def test_a_ring_that_is_larger_than_its_in_flight_buffer_is_not_served(pair: Pair) -> None:
    """QEMU 10.0 asks for a buffer of 128 requests and has a ring that the firmware makes one of 256: the reference
    does not write behind the end, and says so."""
    pair.emulator = Release(STABLE).emulator(pair.hypervisor)
    backend = pair.machine(REFERENCE_DISK).backends[0]
    until(lambda: "its in-flight buffer does not fit" in backend.told(), "the fault shows", FIRMWARE_SECONDS)


@stateless
def test_the_guest_goes_on_when_its_share_has_no_state_to_hand_on(pair: Pair, kind: Kind) -> None:
    """Logging is on while RAM is under way, and off again when QEMU finds that the daemon has no state to hand on."""
    source = pair.under_load(kind)
    Migration.held("active", source, pair.machine(kind, incoming=True)).cancel()
    source.agent.goes_on()
    Migration(source, pair.machine(kind, incoming=True), return_path=True).fails()
    source.agent.goes_on()
    source.agent.stops()


@every
def test_goes_on_after_stop_cont_and_reset(pair: Pair, kind: Kind) -> None:
    machine = pair.under_load(kind)
    for _ in range(3):
        machine.suspend()
        machine.resume()
        machine.agent.goes_on()
    machine.reset()
    work(machine)
    machine.agent.stops()
