# SPDX-License-Identifier: Apache-2.0
"""A stream of migration passed on with one byte changed: behind a marker that only the state of a device has."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

CHUNK = 1 << 16


class Relay:
    """Listens at @path, for one source, and passes on to @destination."""

    def __init__(self, path: Path, destination: Path, marker: bytes, behind: int) -> None:
        self.path, self.destination = path, destination
        self.marker, self.behind = marker, behind
        self.damaged = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        source, _ = self._listener.accept()
        self._listener.close()
        destination = socket.socket(socket.AF_UNIX)
        destination.connect(str(self.destination))
        threading.Thread(target=self._pass_back, args=(destination, source), daemon=True).start()
        with suppress(OSError):
            self._pass_on(source, destination)
            destination.shutdown(socket.SHUT_WR)

    def _pass_on(self, source: socket.socket, destination: socket.socket) -> None:
        kept = b""  # in case that the marker is cut in two
        while received := source.recv(CHUNK):
            kept = self._damage(kept + received)
            held = 0 if self.damaged else min(len(kept), len(self.marker) + self.behind)
            destination.sendall(kept[:len(kept) - held])
            kept = kept[len(kept) - held:]
        destination.sendall(kept)

    def _damage(self, data: bytes) -> bytes:
        if self.damaged:
            return data
        at = data.find(self.marker)
        target = at + len(self.marker) + self.behind
        if at < 0 or target >= len(data):
            return data
        self.damaged = True
        return data[:target] + bytes([data[target] ^ 0xff]) + data[target + 1:]

    @staticmethod
    def _pass_back(destination: socket.socket, source: socket.socket) -> None:
        with suppress(OSError):
            while received := destination.recv(CHUNK):
                source.sendall(received)
        with suppress(OSError):
            source.shutdown(socket.SHUT_RDWR)
