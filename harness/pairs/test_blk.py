# SPDX-License-Identifier: Apache-2.0
"""A disk: what the guest reads and writes is what the image holds; disks and drivers that come and go."""

from __future__ import annotations

import hashlib

import pytest

from pairs import domain
from pairs.backends import DISKS, Kind
from pairs.conftest import Pair, ids

BLOCK = 4096
each_disk = pytest.mark.parametrize("kind", DISKS, ids=ids(DISKS))


def text_of(word: str, blocks: int) -> bytes:
    """What the agent's `write` writes."""
    line = f"{word}\n".encode()
    size = blocks * BLOCK
    return (line * (size // len(line) + 1))[:size]


def sum_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def on_disk(pair: Pair, block: int, count: int) -> str:
    with pair.disk.open("rb") as disk:
        disk.seek(block * BLOCK)
        return sum_of(disk.read(count * BLOCK))


@each_disk
def test_what_the_guest_writes_is_in_the_image(pair: Pair, kind: Kind) -> None:
    guest = pair.booted(kind).agent
    told = guest.ask("write", "/dev/vda", 1024, 64, "here").split()[-1]
    assert told == sum_of(text_of("here", 64)) == on_disk(pair, 1024, 64)


@each_disk
def test_the_guest_reads_what_the_image_holds(pair: Pair, kind: Kind) -> None:
    with pair.disk.open("r+b") as disk:
        disk.seek(100 * BLOCK)
        disk.write(text_of("there", 300))
    guest = pair.booted(kind).agent
    assert guest.ask("sum", "/dev/vda", 100, 300) == on_disk(pair, 100, 300)


@each_disk
def test_what_the_driver_left_is_found_when_it_is_loaded_again(pair: Pair, kind: Kind) -> None:
    guest = pair.booted(kind).agent
    guest.ask("write", "/dev/vda", 0, 16, "before")
    guest.ask("unload", "virtio_blk")
    since = len(guest.lines)
    guest.ask("load", "virtio_blk")
    guest.line(lambda line: line == "event add vda", "disk", 30, since)
    assert guest.ask("sum", "/dev/vda", 0, 16) == on_disk(pair, 0, 16)


@each_disk
def test_a_disk_comes_and_goes_while_the_guest_runs(pair: Pair, kind: Kind) -> None:
    machine = pair.under_load(kind)
    guest = machine.agent
    second = pair.second_data()
    backend = pair.backend(kind, second)
    since = len(guest.lines)
    machine.attach(domain.disk(backend, "vdb"))
    guest.line(lambda line: line == "event add vdb", "disk", 30, since)
    guest.ask("write", "/dev/vdb", 7, 5, "plugged")
    assert guest.ask("sum", "/dev/vdb", 7, 5) == sum_of(text_of("plugged", 5))
    machine.detach(domain.disk(backend, "vdb"))
    guest.line(lambda line: line == "event remove vdb", "end of the disk", 30, since)
    guest.goes_on()
    guest.stops()
