"""Is a process ready? One question over TCP, one pattern that its answer must match."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from dataclasses import dataclass

ANSWER_LIMIT_BYTES = 4096


@dataclass(frozen=True)
class Probe:
    """`question` is sent to `port`; the process is ready when `answer` is found in the first 4 KiB that come back."""

    port: int
    question: bytes
    answer: re.Pattern[bytes]
    host: str = "127.0.0.1"


def http_probe(port: int, path: str = "/readyz") -> Probe:
    """Ready when `GET path` answers 200."""
    question = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
    return Probe(port, question, re.compile(rb"\AHTTP/1\.[01] 200 "))


def postgres_probe(port: int) -> Probe:
    """Ready when the server asks for a password: a server that is still starting or recovering answers an error."""
    parameters = b"user\0postgres\0database\0postgres\0\0"
    return Probe(port, struct.pack("!ii", 8 + len(parameters), 196608) + parameters, re.compile(rb"\AR"))


def valkey_probe(port: int, password: str) -> Probe:
    """Ready when PING is answered with PONG: a server that still reads its data answers LOADING."""
    return Probe(port, f"AUTH {password}\r\nPING\r\n".encode(), re.compile(rb"\+PONG"))


def is_ready(probe: Probe, timeout_s: float = 2.0) -> bool:
    """Ask once and wait for the answer; never raises."""
    try:
        with socket.create_connection((probe.host, probe.port), timeout=timeout_s) as connection:
            connection.sendall(probe.question)
            received = b""
            while len(received) < ANSWER_LIMIT_BYTES and (piece := connection.recv(ANSWER_LIMIT_BYTES)):
                received += piece
                if probe.answer.search(received):
                    return True
    except OSError:
        pass
    return False


async def ask(probe: Probe, timeout_s: float = 2.0) -> bool:
    """The same as `is_ready` for the supervisor, which must not stand still while it waits."""
    try:
        return await asyncio.wait_for(_ask(probe), timeout_s)
    except (OSError, TimeoutError):
        return False


async def _ask(probe: Probe) -> bool:
    reader, writer = await asyncio.open_connection(probe.host, probe.port)
    try:
        writer.write(probe.question)
        received = b""
        while len(received) < ANSWER_LIMIT_BYTES and (piece := await reader.read(ANSWER_LIMIT_BYTES)):
            received += piece
            if probe.answer.search(received):
                return True
        return False
    finally:
        writer.close()
