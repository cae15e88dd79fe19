# SPDX-License-Identifier: Apache-2.0
"""Whatever ends a run, no process of it lives on."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import Vringer

PATIENCE = 30.0


def of_run(vringer: Vringer) -> dict[int, int]:
    """Processes that have its TMPDIR, with a pidfd each."""
    wanted = f"TMPDIR={vringer.tmp}".encode()
    found = {}
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in entry.read_bytes().split(b"\0"):
                pid = int(entry.parent.name)
                found[pid] = os.pidfd_open(pid)
        except OSError:
            continue
    return found


def ended(processes: dict[int, int]) -> bool:
    """Whether all of them end before patience does."""
    with selectors.DefaultSelector() as selector:
        for fd in processes.values():
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            events = selector.select(PATIENCE)
            if not events:
                return False
            for key, _ in events:
                selector.unregister(key.fd)
    return True


WAYS = (("--jobs", "1"), ("--jobs", "2"), ("-n", "2"))


def start(vringer: Vringer, way: tuple[str, str]) -> subprocess.Popen[bytes]:
    """A run in which one scenario has passed and the players of the others wait for ever."""
    fifo = vringer.folder / "begun"
    os.mkfifo(fifo)
    vringer.fake("a", "pass")
    for name in "bc"[:int(way[1])]:
        vringer.fake(name, f"wait {fifo}")
    process = subprocess.Popen(
        vringer.command("run", "--backend", "true {socket}", "--device", "blk", *way,
                        "--output", "out", "--json", "results.json", "own"),
        env=vringer.environment, cwd=vringer.folder, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True)
    with fifo.open("rb") as begun:
        assert begun.read(1) == b"."
    return process


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_tells_what_it_has(vringer: Vringer, way: tuple[str, str],
                                              how: signal.Signals) -> None:
    process = start(vringer, way)
    processes = of_run(vringer)
    os.killpg(process.pid, how)
    shown = process.communicate(timeout=PATIENCE)[0].decode()
    assert "interrupted" in shown
    assert process.returncode == 4
    assert ended(processes)
    content = json.loads((vringer.folder / "results.json").read_text(encoding="utf-8"))
    assert not content["complete"]


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_run_leaves_nothing(vringer: Vringer, way: tuple[str, str]) -> None:
    process = start(vringer, way)
    processes = of_run(vringer)
    assert len(processes) > 1
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert ended(processes)


def test_a_daemon_does_not_outlive_its_scenario(vringer: Vringer) -> None:
    vringer.fake("one", "daemon")
    code, _, results = vringer.judge()
    assert code == 0
    assert "outlived" in results[0]["evidence"]["notes"][0]
    assert not of_run(vringer)
