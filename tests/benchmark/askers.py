"""`python -m tests.benchmark.askers`: clients that each post one transfer after another, as lean as can be.

Reads JSON from standard input: port, token, clients, seconds, and the pairs of addresses to draw from. Prints JSON:
requests a second, latencies and what failed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from typing import Any

PATH = "/api/wallet/v1/transfers"


class Askers:
    """All clients of one run."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self.head = (
            f"POST {PATH} HTTP/1.1\r\nHost: wallet\r\nAuthorization: Bearer {plan['token']}\r\n"
            "Content-Type: application/json\r\n"
        )

    async def run(self) -> dict[str, Any]:
        began = time.perf_counter()
        until = began + self.plan["seconds"]
        await asyncio.gather(*(self._client(number, until) for number in range(self.plan["clients"])))
        took = time.perf_counter() - began
        ordered = sorted(self.seconds)
        return {
            "perSecond": len(ordered) / took,
            "p50Ms": ordered[len(ordered) // 2] * 1000,
            "p99Ms": ordered[int(len(ordered) * 0.99)] * 1000,
            "failed": len(self.failures),
            "firstFailure": self.failures[0] if self.failures else None,
        }

    async def _client(self, client: int, until: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.plan["port"])
        number = 0
        while (began := time.perf_counter()) < until:
            number += 1
            writer.write(self._request(f"{os.getpid()}-{client}-{number}"))
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in answer.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            body = await reader.readexactly(length)
            self.seconds.append(time.perf_counter() - began)
            if not answer.startswith(b"HTTP/1.1 201"):
                self.failures.append(body.decode())
        writer.close()

    def _request(self, key: str) -> bytes:
        source, destination = random.choice(self.plan["pairs"])
        transfer = {"source": source, "destination": destination, "amount": 1, "asset": "EUR"}
        body = json.dumps({"kind": "use", "transfers": [transfer]})
        return f"{self.head}Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def main() -> None:
    print(json.dumps(asyncio.run(Askers(json.load(sys.stdin)).run())))


if __name__ == "__main__":
    main()
