# SPDX-License-Identifier: Apache-2.0
"""The file of --json is whole at any time."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any, Iterator

import pytest

from vringer.plan import Plan, Run
from vringer.results import ResultFile
from vringer.verdict import Play, Result

PLAN = Plan(subjects=[], spec="11.1", output="")


def result(name: str) -> Result:
    return Result("subject", name, 1, "", "pass", [], Play("pass"))


@pytest.fixture
def file(tmp_path: Path) -> ResultFile:
    return ResultFile(tmp_path / "results.json", Run(PLAN))


@pytest.fixture
def full_disk() -> Iterator[Any]:
    """Makes files grow no more beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def written(file: ResultFile) -> tuple[bool, list[str]]:
    content = json.loads(file.path.read_text(encoding="utf-8"))
    return content["complete"], [entry["scenario"] for entry in content["results"]]


def test_it_is_whole_after_every_verdict(file: ResultFile) -> None:
    assert written(file) == (False, [])
    for count, name in enumerate("cab", 1):
        file.add(result(name))
        assert written(file) == (False, list("cab")[:count])
    file.finish(complete=True)
    assert written(file) == (True, ["a", "b", "c"])


@pytest.mark.parametrize("room", [-3, -2, 0, 1, 100])
def test_a_full_disk_leaves_what_was_written(file: ResultFile, full_disk: Any, room: int) -> None:
    file.add(result("a"))
    full_disk(file.path.stat().st_size + room)
    file.add(result("b"))
    file.add(result("c"))
    assert written(file) == (False, ["a"])
    assert "is not complete" in file.trouble


def test_a_disk_with_room_again_gets_all(file: ResultFile, full_disk: Any) -> None:
    full_disk(file.path.stat().st_size + 1)
    file.add(result("a"))
    full_disk(1 << 20)
    file.finish(complete=True)
    assert written(file) == (True, ["a"])
    assert not file.trouble
