# SPDX-License-Identifier: Apache-2.0
"""Traces: what --trace writes is a scenario in normal form that plays again, however long it is."""

from __future__ import annotations

import json
import resource
import shutil
import socket
import struct
import subprocess
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest

from conftest import HERE, PLAYER, needs_player

ROOT = HERE.parents[1]
SCENARIOS = ROOT / "scenarios"
SUBJECT = tomllib.loads((ROOT / "fixtures/candidates/qemu-storage-daemon.toml")
                        .read_text(encoding="utf-8"))
HEAD = "title    A scenario that is recorded\nsubject  back-end\n\n"

pytestmark = needs_player
needs_storage_daemon = pytest.mark.skipif(not shutil.which("qemu-storage-daemon"),
                                          reason="qemu-storage-daemon is not installed")


def play(*words: object, **options: Any) -> dict[str, Any]:
    """The verdict event of one run."""
    done = subprocess.run([str(word) for word in (PLAYER, "--quiet", "--events", "-", *words)],
                          capture_output=True, text=True, timeout=60, check=False, **options)
    assert done.stdout, done.stderr
    verdict: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return verdict


def play_storage_daemon(*words: object) -> dict[str, Any]:
    return play("--setup", SUBJECT["setup"], "--run", SUBJECT["command"], "--device", "blk",
                "--queues", SUBJECT["queues"], *words)


def echo(peer: socket.socket) -> None:
    """Answer what asks for features, and whatever needs a reply."""
    offers = {1: 1 << 32 | 1 << 30, 15: 1 << 3}  # VERSION_1 and PROTOCOL_FEATURES; REPLY_ACK
    with peer:
        while head := peer.recv(12, socket.MSG_WAITALL):
            request, flags, size = struct.unpack("=3I", head)
            if size:
                peer.recv(size, socket.MSG_WAITALL)
            if request in offers or flags & 8:
                peer.sendall(struct.pack("=3IQ", request, 5, 8, offers.get(request, 0)))


def play_echo(*words: object, **options: Any) -> dict[str, Any]:
    mine, its = socket.socketpair()
    thread = threading.Thread(target=echo, args=[mine], daemon=True)
    thread.start()
    with its:
        verdict = play("--fd", its.fileno(), *words, pass_fds=[its.fileno()], **options)
    thread.join(timeout=10)
    assert not thread.is_alive()
    return verdict


def normal_form(path: Path) -> str:
    return subprocess.run([str(PLAYER), "--print", str(path)], capture_output=True, text=True,
                          timeout=60, check=True).stdout


def statements(trace: Path) -> list[str]:
    """The lines below the head that are no comments."""
    body = trace.read_text(encoding="utf-8").split("\n\n", 1)[1]
    return [line for line in body.splitlines() if line and not line.startswith("#")]


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    return tmp_path / "scenario.vus"


@needs_storage_daemon
@pytest.mark.parametrize("name", ["ring/kick-processes-available", "ring/indirect-descriptors",
                                  "migration/many-attempts", "reply-ack/every-set-up-message",
                                  "vring-base/goes-on-in-another-process", "header/cut-anywhere"])
def test_trace_plays_again_and_leaves_the_same_trace(tmp_path: Path, name: str) -> None:
    first, second = tmp_path / "first.vus", tmp_path / "second.vus"

    assert play_storage_daemon("--trace", first, SCENARIOS / f"{name}.vus")["verdict"] == "pass"
    assert normal_form(first) == first.read_text(encoding="utf-8")
    assert play_storage_daemon("--trace", second, first)["verdict"] == "pass"
    assert statements(second) == statements(first)


@needs_storage_daemon
def test_requests_of_rings_are_the_statements_that_they_were(tmp_path: Path) -> None:
    trace = tmp_path / "trace.vus"

    play_storage_daemon("--trace", trace, SCENARIOS / "ring/kick-processes-available.vus")
    lines = statements(trace)
    assert lines[-3:] == ["submit $probe probe as $request", "used $probe $request", "called $probe"]
    assert "-> SET_VRING_KICK index=0" in lines
    assert not any(" fd " in line for line in lines)
    assert not any(line.startswith("use ") for line in lines)


@needs_storage_daemon
def test_trace_of_a_failure_fails_again(tmp_path: Path, scenario: Path) -> None:
    trace = tmp_path / "trace.vus"
    scenario.write_text(HEAD + "-> GET_FEATURES\n<- GET_FEATURES 0\n", encoding="utf-8")

    assert play_storage_daemon("--trace", trace, scenario)["verdict"] == "fail"
    again = play_storage_daemon(trace)
    assert (again["verdict"], again["expected"]) == ("fail", "<- GET_FEATURES 0")


def test_loops_and_variables_are_spelt_out(tmp_path: Path, scenario: Path) -> None:
    trace = tmp_path / "trace.vus"
    scenario.write_text(HEAD + "-> GET_FEATURES\n<- GET_FEATURES $offered\n"
                        "-> GET_PROTOCOL_FEATURES\n<- GET_PROTOCOL_FEATURES $protocol\n"
                        "-> SET_PROTOCOL_FEATURES $protocol\nlet $n = 0\nrepeat 2\n"
                        "  let $n = $n + 1\n  -> SET_VRING_NUM $n num=64 * $n need-reply\n"
                        "  <- SET_VRING_NUM $zero within 2s\nend\n"
                        "if $offered\n  -> SET_FEATURES $offered\nend\n"
                        "-> SET_VRING_CALL $n nofd\n-> GET_FEATURES with size=$zero\n"
                        "<- GET_FEATURES $offered\n", encoding="utf-8")

    assert play_echo("--trace", trace, scenario)["verdict"] == "pass"
    assert statements(trace) == [
        "-> GET_FEATURES", "<- GET_FEATURES", "-> GET_PROTOCOL_FEATURES", "<- GET_PROTOCOL_FEATURES",
        "-> SET_PROTOCOL_FEATURES REPLY_ACK", "-> SET_VRING_NUM index=1 num=64 need-reply", "<- SET_VRING_NUM u64=0 within 2s",
        "-> SET_VRING_NUM index=2 num=128 need-reply", "<- SET_VRING_NUM u64=0 within 2s",
        "-> SET_FEATURES PROTOCOL_FEATURES | VERSION_1",
        "-> SET_VRING_CALL index=2 nofd",
        "let $zero = 0", "-> GET_FEATURES with size=$zero", "<- GET_FEATURES"]
    assert "# <- GET_FEATURES PROTOCOL_FEATURES | VERSION_1\n" in trace.read_text(encoding="utf-8")
    assert play_echo(trace)["verdict"] == "pass"


def test_only_the_branch_that_happened_is_recorded(tmp_path: Path, scenario: Path) -> None:
    trace = tmp_path / "trace.vus"
    scenario.write_text(HEAD + "-> GET_FEATURES\neither\n  closed within 2s\nor\n"
                        "  <- GET_FEATURES\n  -> SET_OWNER\nend\n", encoding="utf-8")

    assert play_echo("--trace", trace, scenario)["verdict"] == "pass"
    assert statements(trace) == ["-> GET_FEATURES", "<- GET_FEATURES", "-> SET_OWNER"]


def little_memory() -> None:
    """Room for the player, but not for the statements of a long trace all at once."""
    resource.setrlimit(resource.RLIMIT_DATA, (10 << 20, 10 << 20))


def test_long_trace_needs_no_more_memory(tmp_path: Path, scenario: Path) -> None:
    trace, again = tmp_path / "trace.vus", tmp_path / "again.vus"
    scenario.write_text(HEAD + "repeat 20000\n  -> GET_FEATURES\n  <- GET_FEATURES\nend\n",
                        encoding="utf-8")

    assert play_echo("--trace", trace, scenario, preexec_fn=little_memory)["verdict"] == "pass"
    assert len(statements(trace)) == 40000
    assert play_echo("--trace", again, trace, preexec_fn=little_memory)["verdict"] == "pass"
    assert statements(again) == statements(trace)
