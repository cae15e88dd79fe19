# SPDX-License-Identifier: Apache-2.0
"""`vringer matrix`: runs become published results, one file for an implementation and version.

A published `fail` is a claim against somebody's work, so it is only made where it was
confirmed a second way: by an expectation that says how, or by a bug that is on record.
What nobody confirmed is published as `unconfirmed`, and what binds nobody as `advice`.
Nothing is stamped with a commit that the tree did not have when it was run.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable

from vringer import bugs, candidates, lab, places, results, tables
from vringer.bugs import Bug
from vringer.errors import HarnessError, UsageError

ABOUT = """\
Judges every real candidate of this machine and of the lab, and writes what came of it to results/: a
JSON file for each implementation and version, and matrix.md, the tables built from all of them.

A `fail` is published only where it was confirmed a second way: by an expectation that says how, or by
a bug of fixtures/lab/bugs.toml. Otherwise it is `unconfirmed`. The tree has to be clean."""

EXAMPLES = """\
examples:
  vringer matrix                                       all that are there
  vringer matrix lab/sid/passt                         one of them; the others' files stay
  vringer matrix --from verdicts.json --draft /tmp/m   a look at what a run would become"""

SCHEMA = 1
PUBLISHED = places.ROOT / "results"
EVIDENCE = ("reason", "expected", "actual", "file", "line")
NEVER_PUBLISHED = ("error",)  # ours, and nothing is said of the subject
Row = dict[str, Any]


@dataclass(frozen=True)
class Judgement:
    """A subject of a run, and what came of it."""

    run: dict[str, Any]
    subject: dict[str, Any]
    rows: list[Row]

    @property
    def implementation(self) -> str:
        """What it is called whatever machine it was run on."""
        return _implementation(self.subject["name"])

    @property
    def version(self) -> str:
        return self.subject["version"] or "unknown"

    @property
    def key(self) -> tuple[str, str]:
        return self.implementation, self.version


def _implementation(name: str) -> str:
    """What candidate @name is called wherever it is."""
    return lab.like(name) if name.startswith(lab.PREFIX) else name


def read(path: Path) -> list[Judgement]:
    """The judgements in a file of `vringer run --json`, or UsageError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        run, rows = data["run"], data["results"]
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{path} is no file of `vringer run --json`: {error}") from error
    if not data["complete"]:
        raise UsageError(f"{path}: the run was not finished", "run it again")
    return [Judgement(run, subject, [r for r in rows if r["subject"] == subject["name"]])
            for subject in run["subjects"]]


def check_stamp(judgements: Iterable[Judgement]) -> None:
    """Refuse what cannot be repeated: a tree that was not the commit that it says it was."""
    for judgement in judgements:
        suite = judgement.run["suite"]
        if suite["dirty"] or not suite["commit"]:
            raise UsageError(f"{judgement.subject['name']} was judged by a tree with changes that are "
                             "in no commit: nothing of it is published",
                             "commit, build and run again; or have a look with --draft DIR")


# What is published of one verdict

def confirmed(row: Row, known: Iterable[Bug]) -> dict[str, str] | None:
    """Why @row is a failure, and how that was confirmed; None if it was not."""
    if row["confirmed"] and not row["unexpected"]:
        return {"cause": row["pinned"], "confirmed": row["confirmed"]}
    for bug in known:
        if row["scenario"] == bug.scenario and row["subject"] in bug.affected and bug.shows_in(row):
            fixed = ", ".join(name.removeprefix(lab.PREFIX) for name in bug.fixed)
            how = f"{bug.source}; not seen with {fixed}" if fixed else bug.source
            return {"cause": bug.title, "confirmed": how}
    return None


def published(row: Row, known: list[Bug]) -> Row:
    """One verdict as it is published, with what bears it out."""
    evidence = row["evidence"]
    entry = {"scenario": row["scenario"], "version": row["version"], "title": row["title"],
             "clauses": row["clauses"], "verdict": row["verdict"], "violated": row["violated"],
             "reading": row["reading"], "ending": row["ending"],
             "evidence": {key: _portable(evidence[key]) for key in EVIDENCE if evidence.get(key)}}
    if row["verdict"] == "fail" and not row["red"]:
        entry["verdict"] = "advice"
    elif row["verdict"] == "fail":
        how = confirmed(row, known)
        entry["verdict"] = "fail" if how else "unconfirmed"
        entry |= how or {}
    return entry


def describe(judgement: Judgement, known: list[Bug], draft: bool) -> Row:
    """The file of one implementation and version."""
    subject = {key: judgement.subject[key] for key in ("name", "title", "version", "role", "device")}
    rows = sorted((r for r in judgement.rows if r["verdict"] not in NEVER_PUBLISHED),
                  key=lambda row: str(row["scenario"]))
    return {"schema": SCHEMA, "implementation": judgement.implementation, "draft": draft,
            "subject": {**subject, "command": _portable(judgement.subject["command"])},
            "spec": judgement.run["spec"],
            "suite": None if draft else judgement.run["suite"]["commit"],
            "repeat": f"vringer run {_option(judgement)} {subject['name']} "
                      f"--spec {judgement.run['spec']}",
            "results": [published(row, known) for row in rows]}


def _option(judgement: Judgement) -> str:
    return "--frontend" if judgement.subject["role"] == "front-end" else "--backend"


def _portable(text: Any) -> Any:
    """@text without where the lab and the suite are on this machine."""
    if not isinstance(text, str):
        return text
    return text.replace(str(lab.folder()), "$VRINGER_LAB").replace(f"{places.ROOT}/", "")


# Running and writing

def judge_all(names: list[str], folder: Path) -> list[Path]:
    """Run the candidates called @names, one after the other; the files with their verdicts.

    They stay in @folder, so that --from can go on with those that there are. Results are written
    when all are judged: before, each of them would make the tree dirty for the next.
    """
    files = []
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name} ... ", end="", flush=True)
        file = folder / f"{name.replace('/', '-')}.json"
        file.unlink(missing_ok=True)
        option = "--frontend" if lab.named(name).role == "front-end" else "--backend"
        done = subprocess.run([sys.argv[0], "run", "-q", option, name, "--json", str(file),
                               "--output", str(folder / "run")], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, errors="replace")
        if not file.is_file():
            raise HarnessError(f"{name} was not judged: {done.stderr.strip()}", f"the others are in {folder}")
        print(done.stdout.strip().rpartition("\n")[2], flush=True)
        files.append(file)
    return files


def everybody() -> list[str]:
    """Every real candidate that is there, of this machine and of the lab; each version once."""
    ours = {name: candidates.load(path) for name, path in candidates.files().items()}
    real = [name for name, c in ours.items() if not c.reference and not candidates.missing(c)]
    chosen: dict[tuple[str, str], str] = {}
    for name in (*real, *lab.present()):
        version = candidates.version(lab.named(name))
        chosen.setdefault((_implementation(name), version or name), name)
    return list(chosen.values())


def _one_of_each(judgements: Iterable[Judgement]) -> list[Judgement]:
    """One for each implementation and version: files may hold the same of two machines."""
    chosen: dict[tuple[str, str], Judgement] = {}
    for judgement in judgements:
        chosen.setdefault(judgement.key, judgement)
    return list(chosen.values())


def write(judgements: list[Judgement], folder: Path, draft: bool) -> list[Path]:
    """Write a file for each of @judgements, and the tables of all that are in @folder."""
    folder.mkdir(parents=True, exist_ok=True)
    known = bugs.load()
    written = []
    for judgement in _one_of_each(judgements):
        name = re.sub(r"[^\w.+-]", "-", "-".join(judgement.key))
        path = folder / f"{name}.json"
        path.write_text(json.dumps(describe(judgement, known, draft), indent=1) + "\n",
                        encoding="utf-8")
        written.append(path)
    everything = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    (folder / "matrix.md").write_text(tables.matrix(everything), encoding="utf-8")
    return [*written, folder / "matrix.md"]


def publish(files: list[str], names: list[str], draft: str) -> int:
    """What the command does: run, or read @files, and write results; exit code 0."""
    folder = Path(draft).resolve() if draft else PUBLISHED
    if draft and folder == PUBLISHED:
        raise UsageError(f"{folder} is for what is published", "write a draft elsewhere")
    if not draft and results.suite()["dirty"]:
        raise UsageError("the tree has changes that are in no commit: nothing is published from it",
                         "commit and build; or have a look with --draft DIR")
    kept = places.default_output().with_name("matrix")
    paths = [Path(file) for file in files] or judge_all(names or everybody(), kept)
    judgements = [judgement for path in paths for judgement in read(path)]
    if not draft:
        check_stamp(judgements)
    written = write(judgements, folder, bool(draft))
    print("\n".join(str(path) for path in written))
    return 0


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `vringer matrix` to the command line."""
    command = commands.add_parser("matrix", help="publish results, and the tables built from them",
                                  description=ABOUT, epilog=EXAMPLES,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("candidate", nargs="*", help="candidates to run; default: all that are there")
    command.add_argument("--from", dest="files", action="append", default=[], metavar="FILE",
                         help="take what `vringer run --json FILE` wrote instead of running")
    command.add_argument("--draft", default="", metavar="DIR",
                         help="write to DIR, unstamped, whatever state the tree is in")
    command.set_defaults(action=lambda args: publish(args.files, args.candidate, args.draft))
