# SPDX-License-Identifier: Apache-2.0
"""Two network devices joined by a cable: a frame into one comes out of the other."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from built import BIN, SCENARIOS
from mocks import run

HEAD = "title    A cable\nsubject  back-end\ndevice   net\n\nuse started\nfence\n"
SENDS = """\
submit $probe probe value=0x12345678 as $frame
used $probe $frame
expect used_idx(0) == 0 "it does not come back"
"""
# Behind the header of 12 bytes and the address of its receiver a frame has that of its sender, which ends in the value.
RECEIVES = """\
host send
fence $probe
expect used_idx(0) == 1 "one frame came"
expect peek(buffer(0, 0) + 20, 4) == 0x78563412 "it is the one that was sent"
"""


def back_end(cable: Path) -> str:
    return f"{BIN}/vu-backend --socket-path={{socket}} --device=net --cable={cable}"


def player(scenario: str, tmp_path: Path, name: str, cable: Path) -> list[str]:
    path = tmp_path / f"{name}.vus"
    path.write_text(HEAD + scenario)
    return [f"{BIN}/vu-frontend", "--quiet", "--fragments", str(SCENARIOS), "--device", "net", "--run", back_end(cable), str(path)]


def sender(tmp_path: Path, cable: Path) -> str:
    """As a program of its own: what a hook runs has its {socket} filled in."""
    program = tmp_path / "send"
    program.write_text("#!/bin/sh\nexec " + subprocess.list2cmdline(player(SENDS, tmp_path, "sends", cable)) + "\n")
    program.chmod(0o755)
    return str(program)


def ends(cable: Path) -> list[Path]:
    return list(cable.parent.glob(f"{cable.name}.*"))


def test_a_frame_goes_to_the_other_end(tmp_path: Path) -> None:
    cable = tmp_path / "cable"
    hook = f"send={sender(tmp_path, cable)}"
    done = run(*player(RECEIVES, tmp_path, "receives", cable), "--hook", hook)
    assert done.returncode == 0, done.stdout
    assert not ends(cable)


def test_nobody_at_the_other_end(tmp_path: Path) -> None:
    assert run(*player(SENDS, tmp_path, "sends", tmp_path / "cable")).returncode == 0


def test_a_cable_has_two_ends(tmp_path: Path) -> None:
    cable = tmp_path / "cable"
    words = [f"{BIN}/vu-backend", f"--socket-path={tmp_path}/socket", "--device=net", f"--cable={cable}"]
    with subprocess.Popen(words) as first, subprocess.Popen(words) as second:
        while len(ends(cable)) < 2:
            assert first.poll() is None and second.poll() is None
        third = run(*words)
        first.kill()
        second.terminate()
    assert third.returncode == 1 and "cable" in third.stderr
    assert len(ends(cable)) == 1


def test_an_end_that_was_left_behind_is_free(tmp_path: Path) -> None:
    cable = tmp_path / "cable"
    words = [f"{BIN}/vu-backend", f"--socket-path={tmp_path}/socket", "--device=net", f"--cable={cable}"]
    for _ in range(2):
        with subprocess.Popen(words) as process:
            while not (tmp_path / "socket").exists():
                assert process.poll() is None
            process.kill()
        (tmp_path / "socket").unlink()
    assert ends(cable) == [Path(f"{cable}.0")]


@pytest.mark.parametrize("path", ["/nowhere/cable", "/tmp/" + "x" * 110])
def test_a_cable_that_cannot_be(path: str, tmp_path: Path) -> None:
    done = run(f"{BIN}/vu-backend", f"--socket-path={tmp_path}/socket", "--device=net", f"--cable={path}")
    assert done.returncode == 1 and path in done.stderr
