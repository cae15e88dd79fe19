# SPDX-License-Identifier: Apache-2.0
"""A disk: what the guest reads and writes is what the image holds, whatever is done to the machine."""

from __future__ import annotations

import hashlib

import pytest

from pairs.backends import DISKS, Kind
from pairs.conftest import Pair, ids

BLOCK = 4096
each_disk = pytest.mark.parametrize("kind", DISKS, ids=ids(DISKS))


def text_of(word: str, blocks: int) -> bytes:
    """What the agent's `write` writes."""
    line = f"{word}\n".encode()
    size = blocks * BLOCK
    return (line * (size // len(line) + 1))[:size]


def on_disk(pair: Pair, block: int, count: int) -> str:
    with pair.disk.open("rb") as disk:
        disk.seek(block * BLOCK)
        return hashlib.sha256(disk.read(count * BLOCK)).hexdigest()


@each_disk
def test_what_the_guest_writes_is_in_the_image(pair: Pair, kind: Kind) -> None:
    guest = pair.booted(kind).agent
    told = guest.ask("write", "/dev/vda", 1024, 64, "here").split()[-1]
    assert told == hashlib.sha256(text_of("here", 64)).hexdigest() == on_disk(pair, 1024, 64)


@each_disk
def test_the_guest_reads_what_the_image_holds(pair: Pair, kind: Kind) -> None:
    with pair.disk.open("r+b") as disk:
        disk.seek(100 * BLOCK)
        disk.write(text_of("there", 300))
    guest = pair.booted(kind).agent
    assert guest.ask("sum", "/dev/vda", 100, 300) == on_disk(pair, 100, 300)


@each_disk
def test_io_goes_on_after_stop_and_cont(pair: Pair, kind: Kind) -> None:
    machine = pair.booted(kind)
    machine.agent.ask("steady", "/dev/vda", 0, 256)
    for _ in range(5):
        machine.agent.goes_on()
        machine.suspend()
        assert machine.state == "paused"
        machine.resume()
    machine.agent.goes_on()
    machine.agent.stops()
