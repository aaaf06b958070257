"""Calling the gateway, also in ways in which no client does."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx

MIB = 1024 * 1024
ECHO = "/api/wallet/v1/echo"
PROBLEM = "application/problem+json"


def seen(response: httpx.Response) -> dict[str, str]:
    return dict(response.json()["headers"])


def raw(port: int, request: bytes, wait_s: float = 5.0) -> bytes:
    """Send bytes as they are and give everything that comes back until the other side hangs up or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return answer


def blocks(total: int) -> Iterator[bytes]:
    piece = bytes(range(256)) * 256
    for _ in range(total // len(piece)):
        yield piece
