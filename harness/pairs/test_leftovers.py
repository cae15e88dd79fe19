# SPDX-License-Identifier: Apache-2.0
"""Nothing is left behind, whatever ends the tests; and what the guest is built of yields the same bytes again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pairs import sitter
from pairs.backends import BUILD
from pairs.domain import BUILT_GUEST
from vringer.deadline import until

HARNESS = Path(__file__).resolve().parents[1]
BUILDER = HARNESS.parent / "fixtures" / "guest" / "build.py"
GONE_SECONDS = 60
BUILD_SECONDS = 300
START = """
from pairs.backends import REFERENCE_DISK
from pairs.conftest import Pair
from pairs.hypervisor import Hypervisor
import signal
hypervisor = Hypervisor()
Pair(hypervisor).machine(REFERENCE_DISK)
print(hypervisor.folder, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_nothing_outlives_a_test_process_that_is_ended(name: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True, start_new_session=True,
                               env={**os.environ, "PYTHONPATH": str(HARNESS), "VRINGER_BUILD": str(BUILD)})
    assert process.stdout
    folder = Path(process.stdout.readline().strip())
    ran = sitter.processes_of(folder)
    os.killpg(process.pid, signal.Signals[name])
    process.communicate()
    assert len(ran) >= 2, "QEMU and its back-end run"
    until(lambda: not sitter.processes_of(folder) and not folder.exists(), "all is gone", GONE_SECONDS)


def test_the_guest_is_built_of_the_same_bytes_each_time(tmp_path: Path) -> None:
    built = []
    for name in ("one", "another"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "root").symlink_to(BUILT_GUEST / "root")
        subprocess.run([sys.executable, str(BUILDER), str(folder)], check=True, timeout=BUILD_SECONDS)
        built.append((folder / "initramfs").read_bytes())
    assert built[0] == built[1] == (BUILT_GUEST / "initramfs").read_bytes()
