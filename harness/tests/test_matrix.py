# SPDX-License-Identifier: Apache-2.0
"""Published results: what becomes of a verdict, what is refused, and the tables."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from vringer import candidates, lab, matrix, places, results, tables
from vringer.bugs import Bug
from vringer.candidates import Candidate
from vringer.errors import HarnessError, UsageError

NAME = "lab/bullseye/qemu-storage-daemon"
BUG = Bug("B1", "a known bug", "commit 1234567", "ring/one", (NAME,), ("lab/sid/qemu-storage-daemon",),
          clause="ring.enabled-normal")


def row(scenario: str = "ring/one", verdict: str = "pass", **more: Any) -> dict[str, Any]:
    return {"scenario": scenario, "version": 1, "subject": NAME, "title": f"Of {scenario}", "verdict": verdict,
            "clauses": ["ring.enabled-normal"], "violated": [], "reading": None, "red": verdict == "fail",
            "ending": "clean", "unexpected": False, "pinned": None, "confirmed": None,
            "evidence": {"reason": "why", "expected": None, "actual": None, "line": None,
                         "file": f"{places.SCENARIOS}/ring/one.vus", "trace": "/private/trace.vus"}, **more}


def write_run(folder: Path, *rows: dict[str, Any], dirty: bool = False, complete: bool = True,
              version: str = "5.2.0", name: str = NAME) -> Path:
    subject = {"name": name, "title": "A daemon", "version": version, "device": "blk", "role": "back-end",
               "command": "daemon {socket}"}
    run = {"subjects": [subject], "spec": "11.1", "strict": False, "command": "vringer run",
           "suite": {"commit": "abcdef0123456789", "dirty": dirty}}
    path = folder / f"run-{version}.json"
    path.write_text(json.dumps({"schema": 1, "complete": complete, "run": run,
                                "results": [{**r, "subject": name} for r in rows]}), encoding="utf-8")
    return path


def judgement(folder: Path, *rows: dict[str, Any], **how: Any) -> matrix.Judgement:
    return matrix.read(write_run(folder, *rows, **how))[0]


# What becomes of a verdict

def test_a_failure_that_nobody_confirmed_claims_nothing() -> None:
    entry = matrix.published(row(verdict="fail"), [])
    assert entry["verdict"] == "unconfirmed"
    assert "confirmed" not in entry
    assert entry["evidence"] == {"reason": "why", "file": "scenarios/ring/one.vus"}


def test_a_failure_says_how_it_was_confirmed() -> None:
    known = row(verdict="fail", pinned="a cause", confirmed="in the source")
    entry = matrix.published(known, [])
    assert (entry["verdict"], entry["cause"], entry["confirmed"]) == ("fail", "a cause", "in the source")
    surprise = matrix.published({**known, "unexpected": True}, [])
    assert surprise["verdict"] == "unconfirmed"


def test_a_bug_on_record_confirms_what_shows_it() -> None:
    entry = matrix.published(row(verdict="fail"), [BUG])
    assert (entry["verdict"], entry["cause"]) == ("fail", "a known bug")
    assert entry["confirmed"] == "commit 1234567; not seen with sid/qemu-storage-daemon"
    assert matrix.published(row(verdict="fail", clauses=["x.y"]), [BUG])["verdict"] == "unconfirmed"
    assert matrix.published(row(verdict="fail", subject="lab/sid/passt"), [BUG])["verdict"] == "unconfirmed"


def test_what_binds_nobody_is_advice() -> None:
    assert matrix.published(row(verdict="fail", red=False), [BUG])["verdict"] == "advice"
    assert matrix.published(row(verdict="n/a"), [BUG])["verdict"] == "n/a"


def test_a_file_holds_what_repeats_it_and_nothing_of_this_machine(tmp_path: Path) -> None:
    rows = [row("b/two"), row("a/one"), row("c/ours", verdict="error")]
    found = matrix.describe(judgement(tmp_path, *rows), [], draft=False)
    assert found["suite"] == "abcdef0123456789"
    assert found["repeat"] == f"vringer run --backend {NAME} --spec 11.1"
    assert found["implementation"] == "qemu-storage-daemon"
    assert [r["scenario"] for r in found["results"]] == ["a/one", "b/two"]
    assert "/private" not in json.dumps(found)
    assert str(places.ROOT) not in json.dumps(found)
    assert matrix.describe(judgement(tmp_path, *rows), [], draft=True)["suite"] is None


def test_what_this_machine_and_the_lab_both_have_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"lab/bookworm/qemu-storage-daemon": "7.2.22", "lab/sid/qemu-storage-daemon": "11.1.3",
                "qemu-storage-daemon": "7.2.22"}
    known = {name: Candidate(name, "daemon {socket}", "blk") for name in versions}
    monkeypatch.setattr(candidates, "files", lambda: {"qemu-storage-daemon": Path()})
    monkeypatch.setattr(candidates, "load", lambda path: known["qemu-storage-daemon"])
    monkeypatch.setattr(candidates, "missing", lambda candidate: None)
    monkeypatch.setattr(candidates, "version", lambda candidate: versions[candidate.name])
    monkeypatch.setattr(lab, "present", lambda: sorted(versions)[:2])
    monkeypatch.setattr(lab, "named", lambda name: known[name])
    assert matrix.everybody() == ["qemu-storage-daemon", "lab/sid/qemu-storage-daemon"]


def test_each_candidate_has_a_run_of_its_own_and_its_file_stays(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(words: list[str], **_how: Any) -> subprocess.CompletedProcess[str]:
        if "vu-backend-net" not in words:
            Path(words[words.index("--json") + 1]).write_text("{}", encoding="utf-8")
        return subprocess.CompletedProcess(words, 1, stdout="lines\n3 pass in 1.0 s\n", stderr="it broke")

    monkeypatch.setattr(subprocess, "run", run)
    (tmp_path / "vu-backend-net.json").write_text("of an earlier time", encoding="utf-8")
    assert matrix.judge_all(["vu-frontend"], tmp_path) == [tmp_path / "vu-frontend.json"]
    assert "[1/1] vu-frontend ... 3 pass in 1.0 s" in capsys.readouterr().out
    with pytest.raises(HarnessError, match="it broke"):
        matrix.judge_all(["vu-backend-blk", "vu-backend-net"], tmp_path)
    assert (tmp_path / "vu-backend-blk.json").is_file()


# What is refused

def test_a_dirty_tree_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "PUBLISHED", tmp_path / "results")
    run = str(write_run(tmp_path, row(), dirty=True))
    monkeypatch.setattr(results, "suite", lambda: {"commit": "a", "dirty": True})
    with pytest.raises(UsageError, match="the tree has changes"):
        matrix.publish([run], [], "")
    monkeypatch.setattr(results, "suite", lambda: {"commit": "a", "dirty": False})
    with pytest.raises(UsageError, match="was judged by a tree with changes"):
        matrix.publish([run], [], "")
    assert not (tmp_path / "results").exists()
    matrix.publish([str(write_run(tmp_path, row()))], [], "")
    assert (tmp_path / "results" / "qemu-storage-daemon-5.2.0.json").is_file()


def test_a_draft_is_no_publication(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "PUBLISHED", tmp_path / "results")
    run = str(write_run(tmp_path, row(), dirty=True))
    with pytest.raises(UsageError, match="write a draft elsewhere"):
        matrix.publish([run], [], str(tmp_path / "results"))
    matrix.publish([run], [], str(tmp_path / "draft"))
    assert "a draft, published by nobody" in (tmp_path / "draft" / "matrix.md").read_text("utf-8")


def test_a_run_that_was_not_finished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not finished"):
        matrix.read(write_run(tmp_path, row(), complete=False))
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="is no file of"):
        matrix.read(tmp_path / "other.json")


# The tables

@pytest.fixture(name="page")
def _page(tmp_path: Path) -> str:
    old = judgement(tmp_path, row(verdict="fail", pinned="a | cause", confirmed="in the source"),
                    row("ring/two", reading="one way", clauses=[]), row("ring/none", verdict="n/a"),
                    row("slots/none", verdict="n/a"))
    new = judgement(tmp_path, row(), row("ring/two", reading="another way", clauses=[]),
                    row("mem/x", verdict="fail", reading="a doubtful way", clauses=[]), version="10.0.13",
                    name="lab/trixie/qemu-storage-daemon")
    return tables.matrix([matrix.describe(j, [], draft=False) for j in (new, old)])


def test_implementations_stand_across_and_areas_down(page: str) -> None:
    assert "| area | qemu-storage-daemon 5.2.0 | qemu-storage-daemon 10.0.13 |" in page
    assert "| ring | 1 1F | 2 |" in page
    assert "| mem | - | 1? |" in page
    assert "| slots |" not in page
    assert "| **all** | 1 1F | 2 1? |" in page
    assert "Front-ends" not in page


def test_front_ends_have_a_table_of_their_own(tmp_path: Path) -> None:
    found = matrix.describe(judgement(tmp_path, row("frontend/stop/x"), row("frontend/log/y")), [], draft=False)
    found["subject"]["role"] = "front-end"
    page = tables.matrix([found])
    assert "## Front-ends" in page and "## Back-ends" not in page
    assert "| log | 1 |" in page and "| stop | 1 |" in page


def test_readings_have_a_table_of_their_own(page: str) -> None:
    assert "| Of ring/two (no clause; `ring/two`) | another way | qemu-storage-daemon 10.0.13 |" in page
    assert "|  | one way | qemu-storage-daemon 5.2.0 |" in page
    assert "a doubtful way" not in page


def test_each_failure_stands_there_with_its_confirmation(page: str) -> None:
    assert "| qemu-storage-daemon 5.2.0 | a \\| cause | `ring/one` | in the source |" in page
    assert page.count("in the source") == 1


def test_the_files_of_others_stay_and_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    matrix.write([judgement(tmp_path, row())], folder, draft=False)
    matrix.write([judgement(tmp_path, row(), version="7.2.22")], folder, draft=False)
    assert len(list(folder.glob("*.json"))) == 2
    page = (folder / "matrix.md").read_text("utf-8")
    assert "5.2.0 | qemu-storage-daemon 7.2.22" in page
    assert "at abcdef012345" in page
