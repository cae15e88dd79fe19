# SPDX-License-Identifier: Apache-2.0
"""Live migration under steady I/O: completed, cancelled, failed and tried again."""

from __future__ import annotations

import pytest

from pairs.backends import DISKS, NETS, Kind
from pairs.conftest import Pair, ids
from pairs.machine import Machine
from pairs.migration import Migration

each_disk = pytest.mark.parametrize("kind", DISKS, ids=ids(DISKS))


def takes_over(source: Machine, destination: Machine) -> None:
    """The guest goes on at the destination, from where it was, and finds everything as it was."""
    assert source.state == "postmigrate"
    assert destination.agent.goes_on() > source.agent.sequence
    destination.agent.stops()


@each_disk
def test_io_goes_on_at_the_destination(pair: Pair, kind: Kind) -> None:
    source = pair.under_load(kind)
    destination = pair.machine(kind, incoming=True)
    Migration(source, destination).completes()
    takes_over(source, destination)


@each_disk
def test_io_goes_on_when_cancelled(pair: Pair, kind: Kind) -> None:
    source = pair.under_load(kind)
    migration = Migration(source, pair.machine(kind, incoming=True), slow=True)
    migration.reaches("active")
    source.agent.goes_on()
    migration.cancel()
    source.agent.goes_on()
    second = pair.machine(kind, incoming=True)
    Migration(source, second).completes()
    takes_over(source, second)


@each_disk
@pytest.mark.parametrize("phase", ["active", "pre-switchover"])
def test_io_goes_on_when_the_destination_dies(pair: Pair, kind: Kind, phase: str) -> None:
    source = pair.under_load(kind)
    destination = pair.machine(kind, incoming=True)
    held = phase == "pre-switchover"
    migration = Migration(source, destination, slow=not held, holds_at_switchover=held)
    migration.reaches(phase)
    destination.kill()
    if held:
        migration.switches_over()
    migration.fails()
    source.agent.goes_on()
    second = pair.machine(kind, incoming=True)
    Migration(source, second).completes()
    takes_over(source, second)
