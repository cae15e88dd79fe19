#!/usr/bin/python3 -I
# SPDX-License-Identifier: Apache-2.0
"""Stands in for vu-frontend where the harness's own error handling is tested.

A line `# fake: WORD...` of the scenario says how it behaves; everything else of
the language is ignored. It starts no subject.
"""

import ctypes
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
LISTS = ("checks", "needs", "without", "device", "alias")


def hang() -> None:
    """Until it is killed, and not for good where that is forgotten."""
    signal.alarm(600)
    signal.pause()


def head(path: str) -> dict[str, Any]:
    found: dict[str, Any] = {"path": path, "subject": "back-end"}
    for line in Path(path).read_text(encoding="utf-8").partition("\n\n")[0].splitlines():
        word, _, rest = line.partition(" ")
        if word in LISTS:
            found[word] = rest.split()
        elif word == "spec":
            found["since"], _, found["until"] = rest.strip().partition("..")
        elif word == "error":
            found["error"] = {"line": 1, "col": 1, "text": rest.strip(), "hint": None}
        elif word == "fragment":
            found["fragment"] = True
        elif word and word != "#":
            found[word] = rest.strip()
    return found


def verdict(name: str, **more: Any) -> str:
    return json.dumps({"event": "verdict", "verdict": name, "clauses": [], "readings": [],
                       "reason": "", "ending": "clean", "waits": "", "started_ns": 1000000,
                       "played_ns": 2000000, **more}) + "\n"


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def behave(words: list[str], events: int) -> int:
    kind, detail = words[0], " ".join(words[1:])
    if kind in ("pass", "n/a", "fail", "inconclusive"):
        os.write(events, verdict(kind, **json.loads(detail or "{}")).encode())
        return 0 if kind in ("pass", "n/a") else 1
    if kind == "garbage":
        os.write(events, b"\xff\xfe not json at all\n" + verdict("pass").encode())
    elif kind == "truncated":
        os.write(events, verdict("pass").encode()[:30])
    elif kind == "list":
        os.write(events, b"[1, 2]\n")
    elif kind == "unknown":
        os.write(events, verdict("perhaps").encode())
    elif kind == "wrong-exit":
        os.write(events, verdict("pass").encode())
        return 1
    elif kind == "wrong-types":
        os.write(events, verdict("fail", clauses=7, readings="x", waits=3, line="four").encode())
        return 1
    elif kind == "flood":
        for _ in range(64):
            sys.stdout.write("x" * (1 << 16))
        os.write(events, b"y" * (1 << 15))
        os.write(events, b"\n" + verdict("pass").encode())
    elif kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "kill-worker":
        os.kill(os.getppid(), signal.SIGKILL)
    elif kind == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        hang()
    elif kind == "wait":
        die_with_parent()
        with open(detail, "wb") as begun:
            begun.write(b".")
        hang()
    elif kind == "daemon":
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                hang()
            os._exit(0)
        os.wait()
        os.write(events, verdict("pass").encode())
    elif kind in ("reads", "writes"):  # both ends of a pipe: neither ends before the other begins
        os.close(os.open(detail, os.O_RDONLY if kind == "reads" else os.O_WRONLY))
        os.write(events, verdict("pass").encode())
    elif kind == "usage":
        print(detail, file=sys.stderr)
        return 2
    return 0


def stage(number: int) -> int:
    """As peers/play/stage.h has it."""
    with socket.socket(fileno=number) as asked:
        while True:
            request, fds, _, _ = socket.recv_fds(asked, 1 << 16, 2)
            if not request:
                return 0
            for fd, ours in zip(fds, (1, 2)):
                os.dup2(fd, ours)
                os.close(fd)
            sys.argv = [os.fsdecode(word) for word in request.split(b"\0")[:-1]]
            code = main()
            sys.stdout.flush()
            sys.stderr.flush()
            for ours in (1, 2):
                os.dup2(0, ours)
            asked.send(code.to_bytes(4, sys.byteorder))


def main() -> int:
    if sys.argv[1] == "--stage":
        return stage(int(sys.argv[2]))
    if sys.argv[1] == "--list-devices":
        print("blk\nfs\nnet")
        return 0
    if sys.argv[1] == "--describe":
        for path in sys.argv[2:]:
            print(json.dumps(head(path)))
        return 0
    print("-> GET_FEATURES\n<- GET_FEATURES u64=0x1", flush=True)
    text = Path(sys.argv[-1]).read_text(encoding="utf-8")
    words = next(line.split()[2:] for line in text.splitlines() if line.startswith("# fake:"))
    events = os.open(sys.argv[sys.argv.index("--events") + 1], os.O_WRONLY)
    return behave(words, events)


sys.exit(main())
