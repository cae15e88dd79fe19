#!/usr/bin/python3 -I
# SPDX-License-Identifier: Apache-2.0
"""A back-end that behaves as its first argument says; the second is the path of its socket.

`answers` does what is asked of it, as far as a few messages go.
"""

import array
import os
import signal
import socket
import struct
import sys
from typing import Callable

HEADER = struct.Struct("=III")
REPLY = 5  # version 1, reply
WITH_REPLY = (1, 15)  # GET_FEATURES, GET_PROTOCOL_FEATURES


def hang() -> None:
    """Until it is killed, and not for good where that is forgotten."""
    signal.alarm(3600)
    signal.pause()


def accept(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    connection, _ = listener.accept()
    return connection


def read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            sys.exit(0)
        data += piece
    return data


def until_closed(connection: socket.socket) -> None:
    try:
        connection.recv(1)
    except ConnectionResetError:
        pass


def request(connection: socket.socket) -> int:
    number, _, size = HEADER.unpack(read(connection, HEADER.size))
    read(connection, size)
    return int(number)


def answers(path: str) -> None:
    connection = accept(path)
    while True:
        number = request(connection)
        if number in WITH_REPLY:
            connection.sendall(HEADER.pack(number, REPLY, 8) + bytes(8))


def garbage(path: str) -> None:
    connection = accept(path)
    request(connection)
    connection.sendall(b"\xff" * 64)
    until_closed(connection)


def flood(path: str) -> None:
    connection = accept(path)
    number = request(connection)
    reply = (HEADER.pack(number, REPLY, 8) + bytes(8)) * 4096
    try:
        while True:
            connection.sendall(reply)
            print("x" * 4096)
    except OSError:
        pass


def closes_mid_message(path: str) -> None:
    connection = accept(path)
    number = request(connection)
    connection.sendall(HEADER.pack(number, REPLY, 8) + b"\0\0\0")


def thousand_fds(path: str) -> None:
    """The kernel takes 253 descriptors a message at most."""
    connection = accept(path)
    number = request(connection)
    reply = HEADER.pack(number, REPLY, 8) + bytes(8)
    fds = [os.open(os.devnull, os.O_RDONLY) for _ in range(250)]
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
    for piece in (reply[:4], reply[4:8], reply[8:12], reply[12:]):
        connection.sendmsg([piece], rights)
    until_closed(connection)


def hangs(path: str) -> None:
    connection = accept(path)
    if len(sys.argv) > 3:
        with open(sys.argv[3], "wb") as begun:
            begun.write(b".")
    hang()
    connection.close()


def crashes(path: str) -> None:
    request(accept(path))
    os.abort()


def exits_at_once(_path: str) -> None:
    print("cannot open the disk image", file=sys.stderr)
    sys.exit(7)


def never_listens(_path: str) -> None:
    hang()


def becomes_a_daemon(path: str) -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            hang()
        os._exit(0)
    answers(path)


KINDS: dict[str, Callable[[str], None]] = {
    f.__name__: f for f in (answers, garbage, flood, closes_mid_message, thousand_fds, hangs,
                            crashes, exits_at_once, never_listens, becomes_a_daemon)}

if __name__ == "__main__":
    KINDS[sys.argv[1]](sys.argv[2])
