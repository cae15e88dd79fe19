# SPDX-License-Identifier: Apache-2.0
"""A share whose daemon hands its state on: the guest keeps its open file through a migration, and through a failed one.

QEMU 7.2 does not migrate a vhost-user-fs device, so that this needs a newer one, from the lab.
"""

from __future__ import annotations

import pytest

from pairs.backends import REFERENCE_SHARE, Kind
from pairs.conftest import Pair
from pairs.migration import Migration, takes_over
from pairs.newer import RELEASES, Release

# Where the stream names what the daemon said; its version and length, then the daemon's own bytes.
FIRST_BYTE_OF_THE_STATE = (b"vhost-user-fs-backend", 8)


@pytest.fixture(params=[(release, reference) for release in RELEASES for reference in (False, True)],
                ids=lambda param: f"{param[0]}-{'vu-backend-fs' if param[1] else 'virtiofsd'}")
def daemon(request: pytest.FixtureRequest, pair: Pair) -> Kind:
    """A daemon in front of which the release's QEMU stands: its own, or the reference."""
    name, reference = request.param
    release = Release(name)
    pair.emulator = release.emulator(pair.hypervisor)
    return REFERENCE_SHARE if reference else release.share


def test_the_file_stays_open_at_the_destination(pair: Pair, daemon: Kind) -> None:
    source = pair.under_load(daemon)
    destination = pair.machine(daemon, incoming=True)
    Migration(source, destination).completes()
    takes_over(source, destination)


@pytest.mark.parametrize("phase", ["active", "pre-switchover"])
def test_the_file_stays_open_when_it_is_cancelled(pair: Pair, daemon: Kind, phase: str) -> None:
    source = pair.under_load(daemon)
    Migration.held(phase, source, pair.machine(daemon, incoming=True)).cancel()
    pair.migrates_now(source)


def test_the_file_stays_open_when_the_destination_dies(pair: Pair, daemon: Kind) -> None:
    source = pair.under_load(daemon)
    Migration.held("pre-switchover", source, pair.machine(daemon, incoming=True)).loses_the_destination()
    pair.migrates_now(source)


@pytest.mark.parametrize("return_path", [True, False], ids=["source-is-told", "source-is-not-told"])
def test_the_file_stays_open_when_the_destination_refuses_the_state(pair: Pair, daemon: Kind,
                                                                    return_path: bool) -> None:
    """The file that the guest has open is not in the share of the destination. A source that nobody
    tells believes that it is over, and goes on when it is told to."""
    source = pair.under_load(daemon)
    destination = pair.machine(daemon, incoming=True, data=pair.second_data())
    migration = Migration(source, destination, return_path=return_path)
    assert migration.reaches("completed", "failed") == ("failed" if return_path else "completed")
    destination.is_gone()
    if not return_path:
        source.qmp.ask("cont")
    pair.migrates_now(source)


def test_the_file_stays_open_when_the_state_is_damaged_on_its_way(pair: Pair, daemon: Kind) -> None:
    source = pair.under_load(daemon)
    destination = pair.machine(daemon, incoming=True)
    migration = Migration(source, destination, return_path=True, damage=FIRST_BYTE_OF_THE_STATE)
    migration.fails()
    assert migration.relay and migration.relay.damaged
    destination.is_gone()
    pair.migrates_now(source)
