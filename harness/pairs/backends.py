# SPDX-License-Identifier: Apache-2.0
"""The back-ends of the pairs: how each is started, and what it can do beside its device."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pairs import sitter
from vringer.deadline import listens, until

BUILD = Path(os.environ.get("VRINGER_BUILD", Path(__file__).resolve().parents[2] / "build"))
START_SECONDS = 60
END_SECONDS = 20
DISK_BYTES = 16 << 20


@dataclass(frozen=True)
class Kind:
    """A back-end program. In its command {socket}, {disk}, {share} and {id} stand for what each start
    gets, and {cpus} for where it may run. One for a shell, as candidates have, knows {socket} and {dir} alone."""

    name: str
    device: str
    command: str
    logs: bool = False  # offers LOG_ALL, so that its guest can migrate
    keeps_inflight: bool = False  # gets requests that a killed one had under way, and ends them
    package: str = ""
    deviation: str = ""
    known: tuple[tuple[str, str], ...] = ()  # what it prints when a known fault of it shows, and which that is
    loses_kicks: str = ""  # why a request may wait until another one comes, which is known
    root: bool = False
    answers: tuple[str, ...] = ()  # what a network answers to, when it does not echo all
    connects: bool = False  # to where QEMU listens
    for_a_shell: bool = False

    @property
    def program(self) -> str:
        """The program, looked for among what is built first."""
        name = self.command.split()[0]
        built = BUILD / "bin" / name
        return str(built) if built.exists() else name

    @property
    def missing(self) -> str:
        """Why it cannot be used; empty if it can."""
        if not shutil.which(self.program):
            return f"there is no {self.program}: apt-get install {self.package}" if self.package else \
                f"{self.program} is not built: make"
        return f"{self.name} needs root" if self.root and os.geteuid() else ""


REFERENCE_DISK = Kind("vu-backend-blk", "blk", "vu-backend --socket-path={socket} --device=blk "
                      "--queues=1 --blk-file={disk}", logs=True, keeps_inflight=True)
SLOW_REFERENCE_DISK = Kind("vu-backend-blk", "blk", f"{REFERENCE_DISK.command} --latency=20000",
                           logs=True, keeps_inflight=True)
STORAGE_DAEMON = Kind(
    "qemu-storage-daemon", "blk",
    "qemu-storage-daemon --blockdev driver=file,node-name=disk,filename={disk},locking=off "
    "--export type=vhost-user-blk,id=export,node-name=disk,addr.type=unix,addr.path={socket},writable=on",
    logs=True, package="qemu-utils",
    known=(("Error writing eventfd: Bad file descriptor",
            "libvhost-user answers GET_VRING_BASE while requests are under way, closes the call descriptor, and takes "
            "it for a panic that it cannot signal their end (vu_get_vring_base_exec, _vu_queue_notify)"),))
REFERENCE_SHARE = Kind("vu-backend-fs", "fs", "vu-backend --socket-path={socket} --device=fs --queues=1 "
                       "--shared-dir={share}", logs=True)
VIRTIOFSD = Kind("virtiofsd", "fs", "/usr/lib/qemu/virtiofsd --socket-path={socket} -o source={share} "
                 "-o sandbox=chroot -o cache=none", package="qemu-system-common", root=True)
REFERENCE_NET = Kind("vu-backend-net", "net", "vu-backend --socket-path={socket} --device=net --queues=1",
                     logs=True)
TESTPMD = Kind("dpdk-testpmd", "net",
               "dpdk-testpmd --lcores (0,1)@({cpus}) --no-huge -m 64 --no-pci --no-shconf --no-telemetry "
               "--file-prefix={id} --vdev net_vhost0,iface={socket},queues=1 -- --auto-start "
               "--no-flush-rx --disable-link-check --forward-mode=io --total-num-mbufs=4096 "
               "--stats-period=3600", logs=True, package="dpdk-dev")
REFERENCE_RNG = Kind("vu-backend-rng", "rng", "vu-backend --socket-path={socket} --device=rng --queues=1",
                     logs=True)

DISKS = (REFERENCE_DISK, STORAGE_DAEMON)
SHARES = (REFERENCE_SHARE, VIRTIOFSD)
NETS = (REFERENCE_NET, TESTPMD)


class Backend:
    """One back-end, at one socket; its process may be killed and started anew."""

    def __init__(self, kind: Kind, folder: Path, data: Path, name: str) -> None:
        self.kind = kind
        self.name = name
        self.folder = folder
        self.socket = folder / f"{name}.sock"
        self.log = folder / f"{name}.log"
        self._own = folder / f"{name}.d"
        self.disk, self.share = data / "disk", data / "share"
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen = False
        self.start()

    def start(self) -> None:
        """Start the process and wait until it listens."""
        self.socket.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "RUNTIME_DIRECTORY": str(self.folder)})
        if not self.kind.connects:
            until(lambda: not self.running or listens(self.socket), f"{self.kind.name} listens", START_SECONDS)
        assert self.running, f"{self.kind.name} ended: {self.told()}"

    def _command(self) -> list[str]:
        if self.kind.for_a_shell:
            self._end_others()
            self._own.mkdir()
            return ["/bin/sh", "-c", "exec " + self.kind.command.replace("{socket}", str(self.socket))
                    .replace("{dir}", str(self._own))]
        words = [self.kind.program, *self.kind.command.split()[1:]]
        command = [word.format(socket=self.socket, disk=self.disk, share=self.share,
                               id=f"{self.folder.name}-{self.name}", cpus=",".join(map(str, os.sched_getaffinity(0))))
                   for word in words]
        return [*command, *([f"--quirk={self.kind.deviation}"] if self.kind.deviation else ())]

    def _end_others(self) -> None:
        """What a shell started beside it, and their directory."""
        if self.kind.for_a_shell:
            sitter.clean(self._own)

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def told(self) -> str:
        """The end of its output."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]

    @property
    def fault(self) -> str:
        """The known fault that showed; empty if none did."""
        return next((reason for text, reason in self.kind.known if text in self.told()), "")

    def kill(self) -> None:
        """Kill it where it stands."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Have it stand still; it is killed when it is to end."""
        self._frozen = True
        if self._process:
            self._process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """Ask it to end; kill it when it does not. Its socket goes with it."""
        if self._frozen:
            self.kill()
        if self.running and self._process:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._end_others()
        self.socket.unlink(missing_ok=True)


def make_data(folder: Path) -> Path:
    """What back-ends serve: an empty disk, and a share with a file."""
    folder.mkdir()
    with (folder / "disk").open("wb") as disk:
        disk.truncate(DISK_BYTES)
    (folder / "share").mkdir()
    (folder / "share" / "hello").write_text("hello, vringer\n", encoding="utf-8")
    return folder
