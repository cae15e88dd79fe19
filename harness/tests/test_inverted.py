# SPDX-License-Identifier: Apache-2.0
"""Every construct that judges: said rightly it passes, said the other way round it does not.

Both are played against a real back-end. The inverse differs in its last line but for what makes
the difference, and that line is where the verdict has to point.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Iterator, NamedTuple

import pytest

from conftest import PLAYER, Vringer, needs_player
from vringer import places

SUBJECT = "qemu-storage-daemon"
pytestmark = [needs_player, pytest.mark.skipif(not shutil.which(SUBJECT), reason=f"no {SUBJECT}")]

CLAUSE = "ring.enabled-normal"
HEAD_LINES = 4
IMPLIED = "implied-alive"  # stands on no line
STARTED = "use started\n"
WRITE = "submit 0 write sector=1 value=0x5a as $tag\n"
WRITTEN = STARTED + WRITE
SETTLED = WRITTEN + "used 0 $tag\nfence\ncalled 0\n"  # every signal so far was seen
QUEUES = STARTED + "-> GET_QUEUE_NUM\n"
FEATURES = STARTED + "-> GET_FEATURES\n"
STOPPED = STARTED + "-> GET_VRING_BASE 0\n<- GET_VRING_BASE\n"
HUNG_UP = STARTED + "-> 99\nclosed\n"


# Serves ten requests a second, so that one which follows another takes a while.
EXPORT = "node-name=disk,addr"
SLOW_EXPORT = "node-name=slow,addr"
THROTTLE = """--object throttle-group,id=ten,limits.iops-total=10 \\
--blockdev driver=throttle,node-name=slow,throttle-group=ten,file=disk \\
--export"""


def slow_candidate() -> str:
    text = (places.CANDIDATES / f"{SUBJECT}.toml").read_text(encoding="utf-8")
    assert EXPORT in text and "--export" in text
    return text.replace(EXPORT, SLOW_EXPORT).replace("--export", THROTTLE)


class Pair(NamedTuple):
    """What comes before, the line that holds, the one that does not, and what it comes to."""

    before: str
    holds: str
    inverted: str
    verdict: str = "fail"
    instead: str = ""  # what comes before the inverse, if that makes the difference


PAIRS = {
    "equal": Pair(QUEUES, "<- GET_QUEUE_NUM u64=2", "<- GET_QUEUE_NUM u64=3"),
    "bare-value": Pair(QUEUES, "<- GET_QUEUE_NUM 2", "<- GET_QUEUE_NUM 3"),
    "unequal": Pair(QUEUES, "<- GET_QUEUE_NUM u64!=3", "<- GET_QUEUE_NUM u64!=2"),
    "less": Pair(QUEUES, "<- GET_QUEUE_NUM u64<3", "<- GET_QUEUE_NUM u64<2"),
    "at-most": Pair(QUEUES, "<- GET_QUEUE_NUM u64<=2", "<- GET_QUEUE_NUM u64<=1"),
    "more": Pair(QUEUES, "<- GET_QUEUE_NUM u64>1", "<- GET_QUEUE_NUM u64>2"),
    "at-least": Pair(QUEUES, "<- GET_QUEUE_NUM u64>=2", "<- GET_QUEUE_NUM u64>=3"),
    "has-bits": Pair(FEATURES, "<- GET_FEATURES u64&VERSION_1",
                     "<- GET_FEATURES u64&(VERSION_1 | RING_PACKED)"),
    "has-no-bits": Pair(FEATURES, "<- GET_FEATURES u64!&RING_PACKED",
                        "<- GET_FEATURES u64!&(VERSION_1 | RING_PACKED)"),
    "any": Pair(QUEUES, "<- GET_QUEUE_NUM u64=any", "<- GET_FEATURES u64=any within 100ms"),
    "size": Pair(FEATURES, "<- GET_FEATURES size=8", "<- GET_FEATURES size=16"),
    "descriptors": Pair(FEATURES, "<- GET_FEATURES nfds=0", "<- GET_FEATURES nfds=1"),
    "no-descriptor": Pair(STARTED + "-> GET_INFLIGHT_FD num_queues=1 queue_size=64\n",
                          "<- GET_INFLIGHT_FD fd $inflight", "<- GET_INFLIGHT_FD nofd"),
    "descriptor": Pair(FEATURES, "<- GET_FEATURES", "<- GET_FEATURES fd $one"),
    "need-reply": Pair(FEATURES, "<- GET_FEATURES", "<- GET_FEATURES need-reply"),
    "compare": Pair(FEATURES + "<- GET_FEATURES $seen\n-> GET_FEATURES\n", "<- GET_FEATURES $seen",
                    "<- GET_FEATURES $other",
                    instead=FEATURES + "<- GET_FEATURES $seen\nlet $other = $seen + 1\n"
                            "-> GET_FEATURES\n"),
    "acknowledgement": Pair(STARTED + "-> SET_OWNER need-reply\n", "<- SET_OWNER 0",
                            "<- SET_OWNER 0 within 100ms", instead=STARTED + "-> SET_OWNER\n"),
    "used": Pair(WRITTEN, "used 0 $tag", "used 0 $tag within 100ms", instead=STOPPED + WRITE),
    "used-status": Pair(WRITTEN, "used 0 $tag status=0", "used 0 $tag status=1"),
    "used-length": Pair(WRITTEN, "used 0 $tag len=1", "used 0 $tag len>1"),
    "used-value": Pair(WRITTEN + "used 0 $tag\nsubmit 0 read sector=1 as $read\n",
                       "used 0 $read value=0x5a", "used 0 $read value=0x5b"),
    "used-order": Pair(WRITTEN, "used 0 $tag order=1", "used 0 $tag order=2"),
    "unused": Pair(STOPPED + WRITE, "unused 0 $tag", "unused 0 $tag",
                   instead=WRITTEN + "fence 0\n"),
    "called": Pair(SETTLED + WRITE, "called 0", "called 0 within 100ms", instead=SETTLED),
    "uncalled": Pair(SETTLED, "uncalled 0", "uncalled 0",
                     instead=SETTLED + WRITE + "used 0 $tag\nfence\n"),
    "errored": Pair(STARTED + "eventfd $event\n-> SET_VRING_ERR 0 fd $event\nsignal $event\n",
                    "errored 0", "errored 0 within 100ms", instead=STARTED +
                    "eventfd $event\n-> SET_VRING_ERR 0 fd $event\n"),
    "closed": Pair(STARTED + "-> 99\n", "closed", "closed within 100ms", instead=STARTED),
    "alive": Pair(STARTED, "alive", "alive", instead=HUNG_UP),
    "fence": Pair(STARTED, "fence", "fence", instead=HUNG_UP),
    "fence-of-a-ring": Pair(STARTED, "fence 0", "fence 0", instead=HUNG_UP),
    "expect": Pair(WRITTEN + "used 0 $tag\n", 'expect used_idx(0) == 1 "one was served"',
                   'expect used_idx(0) == 2 "two were served"'),
    "expect-started": Pair(STARTED, 'expect started(0) & enabled(0) "it runs"',
                           'expect started(0) == 0 "it stands"'),
    "reach": Pair(STARTED, 'reach calls(0) + 1 > 0 "always"', 'reach pending(0) > 0 "never"',
                  "inconclusive"),
    "require": Pair(STARTED, 'require offered(VERSION_1) "it is modern"',
                    'require offered(RING_PACKED) "it knows packed rings"', "n/a"),
    "idle": Pair(SETTLED, "idle 0 for 20ms", "idle 0 for 2s", instead=SETTLED + WRITE),
    "silence": Pair(STARTED, "silence <- for 20ms", "silence <- for 2s", instead=FEATURES),
    "drain": Pair("pipe $reader $writer\nsignal $writer\nclose $writer\n",
                  "drain $reader as $state within 1s", "drain $reader as $state within 100ms",
                  instead="pipe $reader $writer\nsignal $writer\n"),
    "state-size": Pair("pipe $reader $writer\nsignal $writer\nclose $writer\ndrain $reader as $s\n",
                       'expect state_size($s) == 8 "all"', 'expect state_size($s) == 7 "cut"'),
    "feed": Pair("pipe $reader $writer\ngarbage $state size=8\n", "feed $writer $state",
                 "feed $writer $state", instead="pipe $reader $writer\ngarbage $state size=8\n"
                                                "close $reader\n"),
    "repeat": Pair("let $n = 0\nrepeat 3\n  let $n = $n + 1\nend\n", 'expect $n == 3 "thrice"',
                   'expect $n == 1 "once"'),
    "each-ring": Pair("let $n = 0\neach ring\n  let $n = $n + 1\nend\n",
                      'expect $n == $rings "all"', 'expect $n == 0 "none"'),
    "condition": Pair("let $n = 0\nif $rings > 0\n  let $n = 1\nelse\n  let $n = 2\nend\n",
                      'expect $n == 1 "then"', 'expect $n == 2 "else"'),
    "poke": Pair(STARTED + "poke ring_table(0) 4 7\n",
                 'expect peek(ring_table(0), 4) == 7 "kept"',
                 'expect peek(ring_table(0), 4) == 8 "kept"'),
    "populated": Pair("region low size=1M guest=0\n", 'expect populated($low) == 0 "fresh"',
                      'expect populated($low) == 0 "fresh"',
                      instead="region low size=1M guest=0\npoke guest($low) 2 1\n"),
    "either": Pair(QUEUES + "either\n  <- GET_QUEUE_NUM u64=3\nor\n",
                   '  <- GET_QUEUE_NUM u64=2 reads "two"\nend',
                   f'  <- GET_QUEUE_NUM u64=2 reads "two" violates {CLAUSE}\nend'),
    "violates": Pair(STARTED, f'expect 1 == 1 "so it is" violates {CLAUSE}',
                     f'expect 1 == 2 "so it is not" violates {CLAUSE}'),
    IMPLIED: Pair(STARTED, "# nothing more", "-> 99"),
    "host": Pair(STARTED, "host grow-disk", "host no-such-action", "n/a"),
}


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, dict[str, Any]]]:
    with tempfile.TemporaryDirectory(prefix="vt-", dir="/tmp") as folder:
        real = Vringer(Path(folder), PLAYER, Path(folder))
        for name, pair in PAIRS.items():
            real.scenario(f"{name}-holds", pair.before + pair.holds, CLAUSE)
            real.scenario(f"{name}-inverted", (pair.instead or pair.before) + pair.inverted, CLAUSE)
        candidate = real.candidate("slow", slow_candidate())
        real.run("run", "--backend", str(candidate), "--json", "results.json", "--output", "out",
                 "own", timeout=300)
        content = json.loads((real.folder / "results.json").read_text(encoding="utf-8"))
        yield {os.path.basename(r["scenario"]): r for r in content["results"]}


@pytest.mark.parametrize("name", PAIRS)
def test_said_rightly_it_passes(results: dict[str, dict[str, Any]], name: str) -> None:
    result = results[f"{name}-holds"]
    assert result["verdict"] == "pass", result["evidence"]["reason"]


@pytest.mark.parametrize("name", PAIRS)
def test_said_the_other_way_round_it_does_not(results: dict[str, dict[str, Any]],
                                              name: str) -> None:
    result, pair = results[f"{name}-inverted"], PAIRS[name]
    assert result["verdict"] == pair.verdict, result["evidence"]["reason"]
    body = (pair.instead or pair.before) + pair.inverted
    line = HEAD_LINES + 1 + body.removesuffix("\nend").count("\n")
    assert result["evidence"]["line"] == (None if name == IMPLIED else line)


def test_a_branch_tells_its_reading_and_its_clause(results: dict[str, dict[str, Any]]) -> None:
    holds, inverted = results["either-holds"], results["either-inverted"]
    assert (holds["reading"], holds["violated"]) == ("two", [])
    assert (inverted["reading"], inverted["violated"]) == ("two", [CLAUSE])
