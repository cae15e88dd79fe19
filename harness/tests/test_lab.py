# SPDX-License-Identifier: Apache-2.0
"""The lab: its table, its candidates, the program that enters a root, its builder, and the known bugs."""

import dataclasses
import fnmatch
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vringer import bugs, candidates, lab, places, scenarios
from vringer.bugs import Bug, Finding
from vringer.errors import UsageError

TOOLS = places.ROOT / "ci" / "lab"
QSD = "lab/sid/qemu-storage-daemon"


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab in which sid and one crate are complete."""
    monkeypatch.setenv("VRINGER_LAB", str(tmp_path))
    for part in ("sid", "virtiofsd-1.6.1", "trixie"):
        (tmp_path / part).mkdir()
        if part != "trixie":
            (tmp_path / part / lab.COMPLETE).touch()
    return tmp_path


@pytest.fixture(name="builder", scope="module")
def _builder() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("lab_build", str(TOOLS / "build"))
    spec = importlib.util.spec_from_loader("lab_build", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_only_what_is_complete_is_there(folder: Path) -> None:
    assert QSD in lab.present()
    assert "lab/virtiofsd-1.6.1/virtiofsd" in lab.present()
    assert not [name for name in lab.present() if "trixie" in name]
    (folder / "sid" / lab.COMPLETE).unlink()
    assert lab.present() == ["lab/virtiofsd-1.6.1/virtiofsd"]


def test_a_candidate_of_the_lab_is_the_other_one_with_another_program(folder: Path) -> None:
    ours, theirs = candidates.resolve("qemu-storage-daemon"), lab.resolve(QSD)
    enter = f"{folder}/enter {folder}/sid qemu-storage-daemon"
    assert theirs.name == QSD
    assert theirs.command == ours.command.replace("qemu-storage-daemon", enter, 1)
    assert theirs.version.startswith(enter)
    assert theirs.expect[-len(ours.expect):] == ours.expect
    crate = lab.resolve("lab/virtiofsd-1.6.1/virtiofsd")
    assert crate.command.startswith(f"{folder}/virtiofsd-1.6.1/bin/virtiofsd --socket-path=")
    assert {"LOG_ALL", "CONFIG"} <= {*crate.lacks}
    assert lab.resolve("qemu-storage-daemon") == ours


@pytest.mark.parametrize("name, told", [
    ("lab/sid/qemu-storage", "did you mean 'lab/sid/qemu-storage-daemon'"),
    ("lab/trixie/qemu-storage-daemon", "ci/lab/build trixie"),
    ("lab/nothing", "the lab knows no"),
])
@pytest.mark.usefixtures("folder")
def test_what_is_not_there_is_told_with_the_cure(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        lab.resolve(name)


@pytest.mark.usefixtures("folder")
def test_a_front_end_of_the_lab_is_no_back_end() -> None:
    assert lab.resolve("lab/sid/qemu", role="front-end").role == "front-end"
    with pytest.raises(UsageError, match="is a front-end"):
        lab.resolve("lab/sid/qemu")


def test_every_candidate_of_the_table_can_be_read(tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VRINGER_LAB", str(tmp_path))
    for name, entry in lab.entries().items():
        place = tmp_path / entry.part
        place.mkdir(exist_ok=True)
        (place / lab.COMPLETE).touch()
        found = lab.named(name)
        assert f"{tmp_path}/{entry.part}" in found.command, name
        assert f"{tmp_path}/{entry.part}" in found.version, name


def test_what_is_expected_of_the_lab_is_about_scenarios_and_candidates_of_ours() -> None:
    suite = scenarios.load()
    for globs, entry in lab._expectations():  # pylint: disable=protected-access
        assert any(entry.names(scenario) for scenario in suite), entry
        assert entry.verdict != "fail" or entry.confirmed, entry
        for glob in globs:
            assert fnmatch.filter(lab.entries(), lab.PREFIX + glob), glob


# The program that enters a root

def entered(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TOOLS / "enter", root, *command], capture_output=True, text=True,
                          check=False, timeout=30)


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """A root with `cat` and the libraries that it needs."""
    root = tmp_path / "root"
    listed = subprocess.run(["ldd", "/usr/bin/cat"], capture_output=True, text=True, check=True)
    libraries = [word for word in listed.stdout.split() if word.startswith("/")]
    for file in ("/usr/bin/cat", *libraries):
        there = root / file.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, there)
    (root / "only-here").write_text("in the root", encoding="utf-8")
    if "not permitted" in (stderr := entered(root, "cat", "/only-here").stderr):
        pytest.skip(f"needs root, or a machine that gives users namespaces of their own: {stderr}")
    return root


def test_a_root_is_entered_in_place_of_the_process(root: Path) -> None:
    with subprocess.Popen([TOOLS / "enter", root, "cat", "/only-here", "/proc/self/stat"],
                          stdout=subprocess.PIPE, text=True) as process:
        told, _ = process.communicate(timeout=30)
    assert told.startswith(f"in the root{process.pid} (cat)")
    assert str(root) not in Path("/proc/mounts").read_text("utf-8")


def test_a_root_has_the_files_of_a_run_and_nothing_else_of_the_host(root: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("of the run", encoding="utf-8")
    assert entered(root, "cat", str(tmp_path / "shared")).stdout == "of the run"
    done = entered(root, "cat", "/etc/passwd", "/.host/etc/passwd")
    assert done.returncode == 1
    assert done.stderr.count("No such file") == 2


def test_a_program_that_is_not_there_is_told(root: Path) -> None:
    done = entered(root, "nosuch")
    assert done.returncode == 126
    assert "enter: nosuch in" in done.stderr


def test_enter_says_how_it_is_used() -> None:
    done = subprocess.run([TOOLS / "enter"], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "enter ROOT PROGRAM" in done.stderr


# The builder

def test_a_part_is_built_once_and_again_when_its_entry_changed(
        builder: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part: dict[str, Any] = {"kind": "root", "name": "x", "suite": "sid", "packages": ["a"], "megabytes": 1}
    built: list[str] = []

    def build(entry: dict[str, Any], into: Path, *_rest: Any) -> None:
        into.mkdir()
        built.append(entry["packages"][0])

    monkeypatch.setitem(builder.BUILDERS, "root", build)
    assert builder.build_all(tmp_path, [part], 1) == 0
    assert builder.build_all(tmp_path, [{**part, "megabytes": 2}], 1) == 0
    assert builder.build_all(tmp_path, [{**part, "packages": ["b"]}], 1) == 0
    assert built == ["a", "b"]


def test_what_was_interrupted_is_built_again(builder: Any, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch,
                                             capsys: pytest.CaptureFixture[str]) -> None:
    part = {"kind": "root", "name": "x", "suite": "sid", "packages": [], "megabytes": 1}

    def broken(_part: Any, into: Path, log: Any, *_rest: Any) -> None:
        into.mkdir()
        log.run(["sh", "-c", "echo the end of it; exit 3"])

    monkeypatch.setitem(builder.BUILDERS, "root", broken)
    assert builder.build_all(tmp_path, [part], 1) == 1
    assert "the end of it" in capsys.readouterr().out
    assert not builder.is_complete(tmp_path, part)
    monkeypatch.setitem(builder.BUILDERS, "root", lambda _part, into, *_rest: into.mkdir())
    assert builder.build_all(tmp_path, [part], 1) == 0
    assert builder.is_complete(tmp_path, part)


def test_too_little_disk_is_told_before_anything_is_built(builder: Any, tmp_path: Path) -> None:
    part = {"kind": "root", "name": "x", "suite": "sid", "packages": [], "megabytes": 1 << 40}
    with pytest.raises(builder.LabError, match="MB too little"):
        builder.build_all(tmp_path, [part], 1)


def test_a_part_that_does_not_exist_is_told(builder: Any) -> None:
    with pytest.raises(builder.LabError, match="no part is called sidd: known are bullseye"):
        builder.choose(["sidd"])


# Known bugs

ROW = {"scenario": "a/b", "subject": QSD, "verdict": "fail", "violated": [], "clauses": ["x.y"],
       "reading": None, "ending": "clean", "evidence": {"reason": "why", "expected": None, "actual": None}}
BUG = Bug("B1", "a bug", "a commit", "a/b", (QSD,), (), clause="x.y")


@pytest.mark.parametrize("known, change, shows", [
    ({}, {}, True), ({}, {"verdict": "pass"}, False), ({}, {"clauses": []}, False),
    ({}, {"clauses": [], "violated": ["x.y"]}, True),
    ({"ending": "crashed"}, {"ending": "crashed SIGSEGV"}, True), ({"ending": "crashed"}, {}, False),
    ({"reading": "one way"}, {"reading": "one way; and more"}, True), ({"reading": "one way"}, {}, False),
    ({"says": "why"}, {}, True), ({"says": "other"}, {}, False),
])
def test_a_bug_is_caught_by_its_name_only(known: dict[str, Any], change: dict[str, Any],
                                          shows: bool) -> None:
    assert dataclasses.replace(BUG, **known).shows_in({**ROW, **change}) == shows


def test_absent_is_not_what_was_never_judged() -> None:
    assert Finding(BUG, QSD, True, ROW).as_known
    assert not Finding(BUG, QSD, False, ROW).as_known
    assert Finding(BUG, QSD, False, {**ROW, "verdict": "pass"}).as_known
    for verdict in ("n/a", "inconclusive", "error"):
        assert not Finding(BUG, QSD, False, {**ROW, "verdict": verdict}).as_known


def test_every_known_bug_names_scenarios_clauses_and_readings_of_ours() -> None:
    suite = {scenario.id: scenario for scenario in scenarios.load()}
    for bug in bugs.load():
        assert bug.scenario in suite, bug.id
        text = suite[bug.scenario].path.read_text(encoding="utf-8")
        assert not bug.clause or bug.clause in text, bug.id
        assert bug.reading in text, bug.id
        assert not {*bug.affected} & {*bug.fixed}, bug.id


@pytest.mark.parametrize("entry, told", [
    ({}, "lacks 'id'"), ({"clauses": ""}, "unknown key 'clauses'"),
    ({"id": "x", "title": "x", "source": "x", "scenario": "a/b", "affected": ["sid/nobody"],
      "clause": "x"}, "no candidate 'sid/nobody'"),
    ({"id": "x", "title": "x", "source": "x", "scenario": "a/b", "affected": ["sid/passt"]},
     "does not say what it is called"),
])
def test_mistakes_in_an_entry_are_told(entry: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        bugs.parse(entry)


def test_what_cannot_be_looked_for_has_its_reason_and_stands_nowhere_else(tmp_path: Path) -> None:
    looked_for, left = [bug.id for bug in bugs.load()], [bug.id for bug in bugs.left_out()]
    assert left and len({*looked_for, *left}) == len(looked_for) + len(left)
    file = tmp_path / "bugs.toml"
    file.write_text('[[left-out]]\nid = "x"\ntitle = "x"\nsource = "x"\n', encoding="utf-8")
    with pytest.raises(UsageError, match="lacks 'why'"):
        bugs.left_out(file)


def test_what_is_missing_is_said_to_be_missing(tmp_path: Path) -> None:
    environment = {**os.environ, "VRINGER_LAB": str(tmp_path)}
    done = subprocess.run(["/usr/bin/python3", "known_bugs.py"], cwd=places.ROOT / "harness",
                          env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert "make lab" in done.stderr
