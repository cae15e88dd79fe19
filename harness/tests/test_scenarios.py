# SPDX-License-Identifier: Apache-2.0
"""Which scenarios apply, and what a name on the command line means."""

from pathlib import Path
from typing import Any

import pytest

from vringer import clauses
from vringer.scenarios import Scenario, find

REGISTRY = clauses.load()


def scenario(name: str = "ring/one", **more: Any) -> Scenario:
    more.setdefault("checks", ("ring.start-on-set-vring-kick",))
    return Scenario(Path(f"{name}.vus"), name, **more)


@pytest.mark.parametrize("more, device, when, why", [
    ({}, "blk", (11, 1), ""),
    ({"device": ("fs", "net")}, "blk", (11, 1), "for fs or net"),
    ({"device": ("blk",)}, "blk", (11, 1), ""),
    ({"subject": "front-end"}, "blk", (11, 1), "judges front-ends"),
    ({"until": "11.0"}, "blk", (11, 1), "for other editions of the spec"),
    ({"since": "8.2", "until": "11.1"}, "blk", (11, 1), ""),
    ({"since": "11.1"}, "blk", (8, 2), "for other editions of the spec"),
    ({}, "blk", (8, 2), "checks what this edition of the spec does not say"),
    ({"device": ("fs",), "error": "x.vus:1:1: error"}, "blk", (11, 1), ""),
])
def test_what_applies(more: dict[str, Any], device: str, when: tuple[int, ...], why: str) -> None:
    assert scenario(**more).why_not(device, when, REGISTRY) == why


def test_names_are_ids_aliases_areas_and_globs() -> None:
    suite = [scenario("ring/start"), scenario("ring/stop", alias=("ring/halt",)),
             scenario("rings/other"), scenario("mem/table")]

    def ids(name: str) -> list[str]:
        return [s.id for s in find(suite, name)]

    assert ids("ring/start") == ["ring/start"]
    assert ids("ring") == ids("ring/") == ["ring/start", "ring/stop"]
    assert ids("ring/halt") == ["ring/stop"]
    assert ids("*/t*") == ["mem/table"]
    assert ids("scenarios/mem/table.vus") == ["mem/table"]
    assert not ids("nothing")
