# SPDX-License-Identifier: Apache-2.0
"""Steady I/O of a guest goes on, and finds what it wrote, whatever is done to the machine or to the back-end."""

from __future__ import annotations

import dataclasses

import pytest

from pairs.backends import DISKS, NETS, REFERENCE_DISK, REFERENCE_RNG, SHARES, SLOW_REFERENCE_DISK, Kind
from pairs.conftest import Pair, ids, work
from pairs.machine import Hung
from pairs.migration import Migration
from vringer.deadline import Late, until

KINDS = DISKS + SHARES + NETS
each = pytest.mark.parametrize("kind", KINDS, ids=ids(KINDS))
MIGRATES = DISKS + NETS
DEPTH = 8
STALL_SECONDS = 5
RECONNECTS = (SLOW_REFERENCE_DISK, *DISKS[1:], *NETS)


@each
def test_goes_on_after_stop_and_cont(pair: Pair, kind: Kind) -> None:
    machine = pair.under_load(kind)
    for _ in range(5):
        machine.suspend()
        assert machine.state == "paused"
        machine.resume()
        machine.agent.goes_on()
    machine.agent.stops()


@each
def test_works_again_after_system_reset(pair: Pair, kind: Kind) -> None:
    machine = pair.under_load(kind)
    machine.reset()
    work(machine)
    machine.agent.stops()


@each
def test_works_again_when_the_guest_reboots(pair: Pair, kind: Kind) -> None:
    machine = pair.under_load(kind)
    since = len(machine.agent.lines)
    machine.agent.send("-", "reboot")
    machine.agent.hello(since)
    work(machine)
    machine.agent.stops()


@pytest.mark.parametrize("kind", MIGRATES, ids=ids(MIGRATES))
def test_goes_on_when_saved_and_restored(pair: Pair, kind: Kind) -> None:
    machine = pair.under_load(kind)
    machine.save_and_restore()
    machine.agent.goes_on()
    machine.agent.stops()


@pytest.mark.parametrize("kind", RECONNECTS, ids=ids(RECONNECTS))
def test_goes_on_when_the_back_end_is_killed_and_comes_back(pair: Pair, kind: Kind) -> None:
    """With several requests under way, if it keeps account of them: else what ends out of order is lost."""
    machine = pair.under_load(kind, reconnects=True, depth=DEPTH if kind.keeps_inflight else 1)
    for _ in range(2):
        machine.backends[0].kill()
        machine.backends[0].start()
        machine.agent.goes_on()
    machine.agent.stops()


def test_a_guest_notices_a_back_end_that_forgets_what_was_under_way(pair: Pair) -> None:
    machine = pair.under_load(dataclasses.replace(SLOW_REFERENCE_DISK, deviation="inflight-not-restored"),
                              reconnects=True, depth=DEPTH)
    machine.backends[0].kill()
    machine.backends[0].start()
    with pytest.raises(Late):
        machine.agent.goes_on(STALL_SECONDS)


def test_the_guest_gets_random_bytes(pair: Pair) -> None:
    guest = pair.booted(REFERENCE_RNG).agent
    assert guest.ask("random", 64) != guest.ask("random", 64)


def test_a_back_end_that_stands_still_is_diagnosed(pair: Pair) -> None:
    """QEMU waits for the base of the ring: it is told which thread waits where, and QEMU is killed."""
    machine = pair.under_load(REFERENCE_DISK)
    machine.backends[0].freeze()
    with pytest.raises(Hung) as caught:
        machine.suspend(seconds=3)
    told = str(caught.value)
    assert "a second monitor: silent" in told and "qemu-system-x86" in told and "wait" in told


def test_a_message_without_an_answer_is_named(pair: Pair) -> None:
    """QEMU waits for the answer to SET_LOG_BASE for ever, and the whole machine with it."""
    kind = dataclasses.replace(REFERENCE_DISK, command=f"{REFERENCE_DISK.command} --verbose",
                               deviation="log-base-unanswered")
    source = pair.under_load(kind)
    Migration(source, pair.machine(kind, incoming=True))
    asked = "-> SET_LOG_BASE\n"
    until(lambda: source.backends[0].told().endswith(asked), "the message comes", 60)
    until(lambda: source.hangs, "the machine stands still", 60)
    assert source.diagnosis("migrate").endswith(asked)
    source.kill()
