# SPDX-License-Identifier: Apache-2.0
"""KVM where it runs guests, or else TCG. That /dev/kvm opens says little: a guest has to boot in it, once for each
boot of the host."""

from __future__ import annotations

import os
import select
import subprocess
from pathlib import Path

from pairs.backends import BUILD
from vringer.deadline import Deadline

BOOT_SECONDS = 15
DEVICE = Path("/dev/kvm")
QEMU = ("qemu-system-x86_64 -accel kvm -m 192 -display none -nodefaults -no-user-config -no-reboot -serial null "
        "-serial stdio -append console=ttyS0").split()


def accelerator() -> str:
    """What libvirt calls it: kvm, or qemu. $VRINGER_ACCELERATOR decides without a look."""
    if chosen := os.environ.get("VRINGER_ACCELERATOR"):
        return chosen
    return "qemu" if lacks_kvm() else "kvm"


def lacks_kvm() -> str:
    """Why no guest runs by KVM here; empty if they do."""
    if os.environ.get("VRINGER_ACCELERATOR") == "qemu":
        return "$VRINGER_ACCELERATOR says that guests run by TCG"
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"{DEVICE} cannot be opened"
    return f"{DEVICE} opens, but a guest does not boot in it" if _known() == "qemu" else ""


def _known() -> str:
    """What was found out since the host was booted. Several may find it out at a time, and all the same."""
    host = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    known = BUILD / "guest" / f"accelerator-{host}"
    if not known.exists():
        own = known.with_name(f"{known.name}-{os.getpid()}")
        own.write_text("kvm" if _boots() else "qemu", encoding="ascii")
        own.rename(known)
    return known.read_text(encoding="ascii")


def _boots() -> bool:
    """Whether the guest says hello in time."""
    guest = BUILD / "guest"
    command = [*QEMU, "-kernel", str(guest / "vmlinuz"), "-initrd", str(guest / "initramfs")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          start_new_session=True) as qemu:
        assert qemu.stdout
        told, deadline = b"", Deadline(BOOT_SECONDS)
        while b"hello " not in told:
            ready, _, _ = select.select([qemu.stdout], [], [], deadline.left)
            if not ready or not (more := os.read(qemu.stdout.fileno(), 4096)):
                break
            told += more
        qemu.kill()
    return b"hello " in told
