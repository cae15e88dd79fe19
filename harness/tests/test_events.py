# SPDX-License-Identifier: Apache-2.0
"""The player's stream is read with suspicion."""

import json

import pytest

from vringer.events import LINE_LIMIT, EventReader, play_of, printable

VERDICT = b'{"event": "verdict", "verdict": "pass"}\n'


def read(*pieces: bytes) -> EventReader:
    reader = EventReader()
    for piece in pieces:
        reader.feed(piece)
    reader.close()
    return reader


def test_pieces_are_put_together() -> None:
    reader = read(b'{"event": "start", "dir": "/x"}\n' + VERDICT[:9], VERDICT[9:])
    assert reader.last_verdict == {"event": "verdict", "verdict": "pass"}
    assert not reader.garbage


@pytest.mark.parametrize("data", [
    b"\xff\xfe\n", b"[1]\n", b"{}\n", b'{"event": 3}\n', VERDICT[:20], b"[" * 100_000 + b"\n",
    b"x" * (LINE_LIMIT + 1),
])
def test_garbage_is_noticed(data: bytes) -> None:
    assert read(data).garbage
    assert len(read(data).garbage) < 1000


def test_an_endless_line_takes_bounded_space() -> None:
    reader = EventReader()
    for _ in range(40):
        reader.feed(b"x" * (LINE_LIMIT // 8))
        assert len(reader._rest) <= LINE_LIMIT + LINE_LIMIT // 8
    assert reader.garbage


def test_a_verdict_is_taken_over() -> None:
    play = play_of({"verdict": "fail", "clauses": ["a.b"], "readings": ["r"], "line": 7,
                    "ending": "crashed SIGSEGV", "fds_left": 2})
    assert (play.violated, play.readings, play.line, play.fds_left) == (["a.b"], ["r"], 7, 2)
    assert play.crashed and not play.hung


@pytest.mark.parametrize("verdict", ["perhaps", None, 3, [], {}])
def test_an_unknown_verdict_is_an_error(verdict: object) -> None:
    assert play_of({"verdict": verdict}).verdict == "error"


def test_fields_of_a_wrong_type_are_left_out() -> None:
    play = play_of(json.loads('{"verdict": "fail", "clauses": 7, "reason": [], "line": true,'
                              '"waits": null, "readings": [1], "notes": ["x"], "came_up": 0}'))
    assert (play.violated, play.reason, play.line, play.waits) == ([], "", 0, "")
    assert (play.readings, play.notes, play.came_up) == (["1"], [], True)


def test_nothing_steers_the_terminal() -> None:
    assert printable("a\x1b[31mb\x9bc\td\n") == "a\ufffd[31mb\ufffdc\td\n"
