# SPDX-License-Identifier: Apache-2.0
"""libvirt's QEMU driver inside this process: no daemon, no service, everything below one folder."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import libvirt

from pairs import sitter
from pairs.domain import BUILT_GUEST
from vringer import processes

CONFIGURATION = """\
security_driver = "none"
user = "+{user}"
group = "+{group}"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
"""
CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
REAP_SECONDS = 0.05
QEMU_USER = "libvirt-qemu"


def _mount(source: str, target: str, flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(source.encode(), target.encode(), None, flags, None):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), target)


def _let_user_exist(folder: Path) -> None:
    """libvirt run by root asks for a user that its packages make: show it one, and nobody else."""
    try:
        pwd.getpwnam(QEMU_USER)
        return
    except KeyError:
        pass
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    _mount("none", "/", MS_REC | MS_PRIVATE)
    for name, more in (("passwd", f"{QEMU_USER}:x:65533:65533::/:/bin/false\n"),
                       ("group", f"{QEMU_USER}:x:65533:\n")):
        own = folder / name
        own.write_text(Path("/etc", name).read_text(encoding="utf-8") + more, encoding="utf-8")
        _mount(str(own), f"/etc/{name}", MS_BIND)


def _loop() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def _reap() -> None:
    """libvirt waits until a QEMU is gone, which a zombie is not, and not every init reaps at once. Those that
    made themselves daemons, with a session of their own, are ours; the others libvirt reaps itself."""
    while True:
        threading.Event().wait(REAP_SECONDS)
        for pid in processes.children():
            with suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
                name, _, rest = stat.partition(" (")[2].rpartition(") ")
                if name.startswith("qemu-system") and int(rest.split()[3]) != os.getsid(0):
                    os.waitpid(pid, os.WNOHANG)


class Hypervisor:
    """The driver and the folder of all that is started. One in a process: libvirt allows no more."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vringer-pairs-"))
        self._sitter = subprocess.Popen([sys.executable, sitter.__file__, str(self.folder)],
                                        stdin=subprocess.PIPE, start_new_session=True)
        processes.adopt()
        threading.Thread(target=_reap, daemon=True).start()
        if os.geteuid() == 0:
            _let_user_exist(self.folder)
        self.guest = self.folder / "guest"  # in a place that a QEMU with another root sees, too
        self.guest.mkdir()
        for name in ("vmlinuz", "initramfs"):
            shutil.copyfile(BUILT_GUEST / name, self.guest / name)
        root = self.folder / "libvirt"
        (root / "etc").mkdir(parents=True)
        (root / "etc" / "qemu.conf").write_text(
            CONFIGURATION.format(user=os.geteuid(), group=os.getegid()), encoding="utf-8")
        libvirt.registerErrorHandler(lambda *_: None, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=_loop, daemon=True).start()
        self.connection: Any = libvirt.open(f"qemu:///embed?root={root}")

    def leftovers(self) -> list[int]:
        """What still runs."""
        return sitter.processes_of(self.folder)

    def close(self) -> None:
        assert self._sitter.stdin
        self._sitter.stdin.close()
        self._sitter.wait()
