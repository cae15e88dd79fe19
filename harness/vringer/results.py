# SPDX-License-Identifier: Apache-2.0
"""Writes the results as JSON. The format is a stable interface; fields are only added.

The file is whole at any time: each verdict goes where the closing brackets stood,
with new ones behind it, so that a run that is interrupted loses nothing.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from vringer import places
from vringer.plan import Run
from vringer.verdict import Result

SCHEMA = 1
GIT_SECONDS = 20
CLOSING = b"\n]}\n"


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(places.ROOT), *words], capture_output=True,
                              timeout=GIT_SECONDS, check=False, text=True, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def suite() -> dict[str, Any]:
    """Which suite this is; `dirty` when it is not exactly the commit, or nobody knows."""
    if not places.in_source_tree():
        stamp = places.ROOT / "commit"
        commit = stamp.read_text(encoding="ascii").strip() if stamp.is_file() else ""
        return {"commit": commit.removesuffix("-dirty") or None,
                "dirty": not commit or commit.endswith("-dirty")}
    return {"commit": _git("rev-parse", "HEAD"), "dirty": _git("status", "--porcelain") != ""}


def describe_run(run: Run) -> dict[str, Any]:
    """What was judged, by what, and the command that repeats it."""
    subjects = [{"name": lane.name, "title": lane.candidate.title, "version": lane.version or None,
                 "device": lane.candidate.device, "role": lane.candidate.role,
                 "command": lane.candidate.command}
                for lane in run.lanes]
    return {"subjects": subjects, "spec": ".".join(map(str, run.edition)),
            "strict": run.plan.strict, "suite": suite(), "command": run.plan.command}


def describe_result(result: Result) -> dict[str, Any]:
    """One verdict with everything that bears it out."""
    play = result.play
    return {
        "scenario": result.scenario, "version": result.version, "subject": result.subject,
        "title": result.title, "verdict": result.verdict, "clauses": result.checks,
        "violated": play.violated, "level": result.level or None, "red": result.red,
        "reading": result.reading or None, "ending": play.ending, "waits": play.waits or None,
        "fds_left": play.fds_left, "maps_left": play.maps_left,
        "evidence": {**play.evidence, "expected": play.expected or None,
                     "actual": play.actual or None, "reason": play.reason or None,
                     "file": play.file or None, "line": play.line or None, "notes": play.notes,
                     "threads": play.threads or None},
        "expected_verdict": result.expected_verdict, "unexpected": result.unexpected,
        "surprise": result.surprise or None, "pinned": result.pinned or None,
        "confirmed": result.confirmed or None, "started_ns": play.started_ns,
        "played_ns": play.played_ns,
    }


class ResultFile:
    """The file of --json; `trouble` says why it is not complete, if it is not."""

    def __init__(self, path: Path, run: Run) -> None:
        self.path = path
        self.trouble = ""
        self._run = json.dumps(describe_run(run))
        self._results: dict[tuple[str, str], str] = {}
        self._end = 0  # where the closing brackets stand
        self._replace(complete=False)

    def add(self, result: Result) -> None:
        text = json.dumps(describe_result(result))
        first = not self._results
        self._results[result.subject, result.scenario] = text
        if not self.trouble:
            self._insert(("" if first else ",\n") + text)

    def finish(self, complete: bool) -> None:
        """Put the results into an order that does not depend on who was first."""
        self._results = dict(sorted(self._results.items()))
        self._replace(complete)

    def _insert(self, text: str) -> None:
        """Put @text before the closing brackets; a full disk stops the writing and not the run."""
        data = text.encode()
        try:
            with self.path.open("r+b", buffering=0) as file:
                _write_at(file.fileno(), data + CLOSING, self._end)
            self._end += len(data)
        except OSError as error:
            self._give_up(error)

    def _replace(self, complete: bool) -> None:
        """Write the file anew, beside the old one, which it then replaces."""
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        opening = f'{{"schema": {SCHEMA}, "complete": {json.dumps(complete)},\n"run": {self._run},\n' \
                  f'"results": [\n'
        data = (opening + ",\n".join(self._results.values())).encode()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(data + CLOSING)
            os.replace(beside, self.path)
            self._end = len(data)
            self.trouble = ""
        except OSError as error:
            self._give_up(error)
            _remove(beside)

    def _give_up(self, error: OSError) -> None:
        self.trouble = f"{self.path} is not complete: {error.strerror}"


def _write_at(fd: int, data: bytes, place: int) -> None:
    """Write all of @data there, or leave the file as long as it was and closed as it was."""
    try:
        if os.pwrite(fd, data, place) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.pwrite(fd, CLOSING, place)
        os.ftruncate(fd, place + len(CLOSING))
        raise


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass
