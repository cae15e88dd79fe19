# SPDX-License-Identifier: Apache-2.0
"""
What a scenario costs beside its subject: connect, negotiate, start the rings, one probe, stop,
against starting the same back-end, connecting to it and ending it.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import measure

SCENARIO = measure.SCENARIOS / "ring/kick-processes-available.vus"
SUBJECT = measure.candidate("qemu-storage-daemon")
ROUNDS = 15
LIMIT = 2.0
LOOK_AGAIN = 0.0002  # seconds


def filled_in(text: str, folder: Path) -> str:
    return text.replace("{dir}", str(folder)).replace("{socket}", str(folder / "socket"))


def connect(path: Path) -> socket.socket:
    while True:
        peer = socket.socket(socket.AF_UNIX)
        try:
            peer.connect(str(path))
            return peer
        except OSError:
            peer.close()
            time.sleep(LOOK_AGAIN)


def bare() -> float:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vringer-") as folder:
        subprocess.run(filled_in(SUBJECT["setup"], Path(folder)), shell=True, cwd=folder, check=True)
        with subprocess.Popen(filled_in(SUBJECT["command"], Path(folder)), shell=True, cwd=folder,
                              start_new_session=True) as process:
            connect(Path(folder) / "socket").close()
            os.killpg(process.pid, signal.SIGTERM)
    return time.monotonic() - begun


def played() -> float:
    return measure.cost([measure.PLAYER, "--quiet", "--setup", SUBJECT["setup"],
                         "--run", SUBJECT["command"], "--device", SUBJECT["device"],
                         "--queues", SUBJECT["queues"], SCENARIO]).wall


def main() -> None:
    pairs = [(bare(), played()) for _ in range(ROUNDS)]
    print(f"subject-alone-ms {statistics.median(a for a, _ in pairs) * 1000:.1f}")
    print(f"scenario-ms {statistics.median(b for _, b in pairs) * 1000:.1f}")
    measure.show("scenario-cost-ratio", statistics.median(b / a for a, b in pairs), LIMIT)


if __name__ == "__main__":
    main()
