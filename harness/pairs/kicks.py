# SPDX-License-Identifier: Apache-2.0
"""Whether a back-end that does nothing waits for a kick that it had: by the indices of the ring, as QEMU finds them."""

from __future__ import annotations

from contextlib import suppress

from pairs.machine import Machine
from vringer.qmp import Refused

INDEX = 2  # where it is in the available and in the used part of a split ring


def waits_for_one(machine: Machine, ring: int) -> bool:
    """Whether the driver of the first vhost device made a request available that did not come back."""
    for device in machine.qmp.ask("x-query-virtio"):
        with suppress(Refused):  # no vhost device
            status = machine.qmp.ask("x-query-virtio-vhost-queue-status", path=device["path"], queue=ring)
            available, used = (_word(machine, status[part] + INDEX) for part in ("avail-phys", "used-phys"))
            return available != used
    return False


def _word(machine: Machine, address: int) -> int:
    """The two bytes of guest memory at @address."""
    path = machine.folder / "word"
    machine.qmp.ask("pmemsave", val=address, size=2, filename=str(path))
    return int.from_bytes(path.read_bytes(), "little")
