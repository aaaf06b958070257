"""`python -m tests.benchmark.lines`: requests that arrive at a fixed rate, whether the earlier ones are answered or not.

Reads JSON from standard input: port, rate a second, and the requests, each a method, a path, headers and a body. A latency
counts from the moment at which a request was to be sent: what waits for a connection or for this program itself has
waited. Prints JSON: the latencies in milliseconds and what failed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Lines:
    """All requests of one run, on as many connections as are needed at once."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.free: list[Connection] = []
        self.opened = 0
        self.millis: list[float] = []
        self.failures: list[str] = []

    async def run(self) -> dict[str, Any]:
        requests = [self._bytes(one) for one in self.plan["requests"]]
        # Opened beforehand, as a provider's system keeps them.
        self.free = [await self._open() for _ in range(8)]
        began = time.perf_counter() + 0.1
        async with asyncio.TaskGroup() as group:
            for number, content in enumerate(requests):
                due = began + number / self.plan["rate"]
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(self._ask(content, due))
        for _, writer in self.free:
            writer.close()
        return {"millis": self.millis, "connections": self.opened, "failures": self.failures}

    async def _ask(self, content: bytes, due: float) -> None:
        try:
            try:
                head, body = await self._answer(content, await self._line())
            except (OSError, asyncio.IncompleteReadError):
                # The server hung up an idle line at that very moment: as every client does, on a new one, once.
                head, body = await self._answer(content, await self._open())
        except (OSError, asyncio.IncompleteReadError) as error:
            self.failures.append(type(error).__name__)
            return
        self.millis.append((time.perf_counter() - due) * 1000)
        if not head.startswith(b"HTTP/1.1 200") or self.plan["wanted"] not in body.decode():
            self.failures.append(body.decode()[:300])

    async def _answer(self, content: bytes, line: Connection) -> tuple[bytes, bytes]:
        reader, writer = line
        writer.write(content)
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [
            int(field.split(b":")[1]) for field in head.split(b"\r\n") if field.lower().startswith(b"content-length")
        ]
        if not lengths:
            # An answer that is streamed is none of those that are asked for; its line is not used again.
            writer.close()
            return head, head
        body = await reader.readexactly(lengths[0])
        self.free.append(line)
        return head, body

    async def _line(self) -> Connection:
        while self.free:
            reader, writer = self.free.pop()
            # A server hangs up a line that was not used for some seconds.
            if not reader.at_eof():
                return reader, writer
        return await self._open()

    async def _open(self) -> Connection:
        self.opened += 1
        return await asyncio.open_connection("127.0.0.1", self.plan["port"])

    def _bytes(self, request: dict[str, Any]) -> bytes:
        body = json.dumps(request["body"]).encode() if request["body"] is not None else b""
        lines = [f"{request['method']} {request['path']} HTTP/1.1", "Host: house", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in request["headers"].items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


def main() -> None:
    print(json.dumps(uvloop.run(Lines(json.load(sys.stdin)).run())))


if __name__ == "__main__":
    main()
