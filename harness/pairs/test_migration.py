# SPDX-License-Identifier: Apache-2.0
"""Live migration under steady I/O: completed, cancelled, failed and tried again."""

from __future__ import annotations

import dataclasses

import pytest

from pairs.agent import GuestError
from pairs.backends import DISKS, NETS, REFERENCE_DISK, Kind
from pairs.conftest import Pair, ids
from pairs.migration import Migration, different_pages, loses_no_page, takes_over
from vringer.deadline import Late

each = pytest.mark.parametrize("kind", DISKS + NETS, ids=ids(DISKS + NETS))
each_disk = pytest.mark.parametrize("kind", DISKS, ids=ids(DISKS))

# What a back-end that gets it wrong does to a guest: so much is known to be seen.
DEVIATIONS = ("log-never", "set-features-disables")
STALL_SECONDS = 5
# Where the stream names the device; its number among devices of that name, then the version of its state.
VERSION_OF_THE_DISK = (b"/vhost-user-blk", 4)


@each
def test_the_guest_goes_on_at_the_destination(pair: Pair, kind: Kind) -> None:
    source = pair.under_load(kind)
    destination = pair.machine(kind, incoming=True)
    Migration(source, destination).completes()
    takes_over(source, destination)


@each
def test_no_page_is_forgotten(pair: Pair, kind: Kind) -> None:
    source = pair.under_load(kind)
    loses_no_page(source, pair.machine(kind, incoming=True))


@each
@pytest.mark.parametrize("phase", ["active", "pre-switchover"])
def test_the_guest_goes_on_when_it_is_cancelled(pair: Pair, kind: Kind, phase: str) -> None:
    source = pair.under_load(kind)
    migration = Migration.held(phase, source, pair.machine(kind, incoming=True))
    if phase == "active":
        source.agent.goes_on()  # with its writes being logged
    migration.cancel()
    pair.migrates_now(source)


@each_disk
@pytest.mark.parametrize("phase", ["active", "pre-switchover"])
def test_the_guest_goes_on_when_the_destination_dies(pair: Pair, kind: Kind, phase: str) -> None:
    source = pair.under_load(kind)
    Migration.held(phase, source, pair.machine(kind, incoming=True)).loses_the_destination()
    pair.migrates_now(source)


@each_disk
def test_the_guest_goes_on_when_the_destination_refuses_the_state(pair: Pair, kind: Kind) -> None:
    """A destination without the device cannot take its state."""
    source = pair.under_load(kind)
    Migration(source, pair.machine(incoming=True), return_path=True).fails()
    pair.migrates_now(source)


@each_disk
def test_the_guest_goes_on_when_the_stream_is_damaged(pair: Pair, kind: Kind) -> None:
    source = pair.under_load(kind)
    destination = pair.machine(kind, incoming=True)
    migration = Migration(source, destination, return_path=True, damage=VERSION_OF_THE_DISK)
    migration.fails()
    assert migration.relay and migration.relay.damaged
    destination.is_gone()
    pair.migrates_now(source)


@each_disk
def test_the_guest_goes_on_when_the_destination_stands_still(pair: Pair, kind: Kind) -> None:
    """Nobody reads the stream any more: it makes no progress, and is cancelled in the end."""
    source = pair.under_load(kind)
    destination = pair.machine(kind, incoming=True)
    migration = Migration.held("active", source, destination)
    destination.freeze()
    migration.stands_still()
    migration.cancel()
    pair.migrates_now(source)


@pytest.mark.parametrize("deviation", DEVIATIONS)
def test_a_guest_notices_a_back_end_that_deviates(pair: Pair, deviation: str) -> None:
    """These tests can fail: each deviation of the reference shows in what becomes of the guest."""
    kind = dataclasses.replace(REFERENCE_DISK, deviation=deviation)
    source = pair.under_load(kind)
    destination = pair.machine(kind, incoming=True)
    destination.qmp.ask("stop")
    migration = Migration(source, destination, holds_at_switchover=True, lingers=True)
    with pytest.raises((Late, GuestError, AssertionError)):
        source.agent.goes_on(STALL_SECONDS)
        migration.sends_changes()
        migration.reaches("pre-switchover")
        migration.switches_over()
        migration.completes()
        assert not different_pages(source, destination)
