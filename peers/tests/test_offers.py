# SPDX-License-Identifier: Apache-2.0
"""What vu-backend offers is real: a scenario needs it, and sees it done. What is left out is not offered."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import tomllib

import pytest
from built import BIN, ROOT, SCENARIOS
from mocks import run

TABLES = tomllib.loads((ROOT / "fixtures/spec/protocol.toml").read_text())
BITS = {f["name"]: f["bit"] for f in TABLES["protocol_feature"]}
IDS = {m["name"]: m["id"] for m in TABLES["message"] if m["channel"] == "front-end"}
DEVICES = ("blk", "fs", "net", "rng", "generic")
LEFT_OUT = {"XEN_MMAP", "CROSS_ENDIAN", "CRYPTO_SESSION"}  # README says why


def offered(device: str, request: str) -> int:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [f"{BIN}/vu-backend", f"--fd={theirs.fileno()}", f"--device={device}", "--with=objects,shmem,doorbells"]
        with subprocess.Popen(command, pass_fds=[theirs.fileno()]):
            theirs.close()
            ours.settimeout(10)
            ours.sendall(struct.pack("=III", IDS[request], 1, 0))
            _, _, _, features = struct.unpack("=IIIQ", ours.recv(20, socket.MSG_WAITALL))
            ours.close()
    return int(features)


def names(features: int) -> set[str]:
    return {name for name, bit in BITS.items() if features >> bit & 1}


@pytest.fixture(scope="module")
def offers() -> dict[str, set[str]]:
    return {device: names(offered(device, "GET_PROTOCOL_FEATURES")) for device in DEVICES}


def test_what_is_left_out_is_not_offered(offers: dict[str, set[str]]) -> None:
    assert set(BITS) - set().union(*offers.values()) == LEFT_OUT


def test_a_scenario_needs_whatever_is_offered(offers: dict[str, set[str]]) -> None:
    paths = [p for p in SCENARIOS.glob("*/*.vus") if p.parent.name != "common"]
    heads = [json.loads(line) for line in run(BIN / "vu-frontend", "--describe", *paths).stdout.splitlines()]
    for device, features in offers.items():
        driver = "echo" if device == "generic" else device
        needed = {need for h in heads if not h["device"] or driver in h["device"] for need in h["needs"]}
        assert features <= needed, device


@pytest.mark.parametrize("device", DEVICES)
def test_bits_of_no_feature_are_not_offered(device: str) -> None:
    assert not offered(device, "GET_PROTOCOL_FEATURES") & ~sum(1 << bit for bit in BITS.values())
