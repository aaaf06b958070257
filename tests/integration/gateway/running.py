"""Real small servers in threads: any application, and a service that tells what reached it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from joserfc.jwk import OKPKey

from foundation.access import Role, TokenSigner
from foundation.application import problem_response
from gateway.settings import GatewaySettings
from gateway.sign_in import AUDIENCE, STAND_IN
from stadsbeurs.house import SERVICES

MIB = 1024 * 1024
UPLOAD_LIMIT = 100 * MIB


class _Server(uvicorn.Server):
    """A server that looks a hundred times a second whether it is to stop, not ten: tests stop hundreds of them."""

    async def main_loop(self) -> None:
        await self.on_tick(0)
        while not self.should_exit:
            await asyncio.sleep(0.01)


class Running:
    """An application served by uvicorn in a thread of this process."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self._thread.start()
        until = time.monotonic() + 10
        while not self._server.started:
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self.socket.close()


def echo_service() -> FastAPI:
    """A service that tells what reached it, and that can misbehave on request."""
    app = FastAPI(redirect_slashes=False)
    app.state.requests = 0
    app.state.received = 0
    base = "/api/wallet/v1"

    @app.api_route(base + "/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @app.api_route(base + "/echo/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def echo(request: Request) -> JSONResponse:
        app.state.requests += 1
        body = await request.body()
        return JSONResponse(
            {
                "method": request.method,
                "rawPath": request.scope["raw_path"].decode(),
                "query": request.scope["query_string"].decode(),
                "headers": [[name.decode(), value.decode()] for name, value in request.scope["headers"]],
                "body": body.decode("latin-1"),
            }
        )

    @app.get(base + "/openapi.json")
    async def openapi(request: Request) -> dict[str, Any]:
        return {"openapi": "3.1.0", "authorization": request.headers.get("authorization")}

    @app.post(base + "/uploads")
    async def upload(request: Request) -> Response:
        digest, size = hashlib.sha256(), 0
        async for chunk in request.stream():
            digest.update(chunk)
            size += len(chunk)
            app.state.received = size
            if size > UPLOAD_LIMIT:
                return problem_response(413, "Het bestand is groter dan 100 MiB.")
        return JSONResponse({"size": size, "sha256": digest.hexdigest()}, 202, {"Location": f"{base}/uploads/1"})

    @app.post(base + "/refused-at-once")
    async def refused_at_once(request: Request) -> Response:
        async for _ in request.stream():
            return problem_response(413, "Dit is te groot.")
        return Response()

    @app.get(base + "/headers")
    async def headers() -> Response:
        return JSONResponse(
            {},
            201,
            {
                "Location": f"{base}/things/1",
                "Link": f'<{base}/headers?cursor=a>; rel="next"',
                "Idempotency-Hit": "true",
                "API-Version": "1.4.0",
                "X-Content-SHA256": "ab",
                "Set-Cookie": "session=stolen; Path=/",
                "Server": "secret/1.0",
                "X-Internal-Node": "10.0.0.7",
                "Access-Control-Allow-Origin": "*",
            },
        )

    @app.get(base + "/elsewhere")
    async def elsewhere() -> Response:
        return Response(status_code=307, headers={"Location": "http://127.0.0.1:1/internal"})

    @app.get(base + "/no-words")
    async def no_words() -> Response:
        return Response(status_code=204)

    @app.get(base + "/status/{status}")
    async def plain_status(status: int) -> Response:
        return Response("Internal Server Error: secret detail", status, media_type="text/plain")

    @app.get(base + "/problem/{status}")
    async def problem_status(status: int) -> Response:
        return problem_response(status, "Nee.", headers={"Retry-After": "7"})

    @app.get(base + "/slow")
    async def slow() -> Response:
        await asyncio.sleep(30)
        return Response()

    @app.get(base + "/half")
    async def half() -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"x" * 1000
            raise RuntimeError("breaks off on purpose")

        return StreamingResponse(chunks(), media_type="text/csv")

    @app.get(base + "/export")
    async def export() -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(200):
                yield b"y" * (256 * 1024)

        return StreamingResponse(chunks(), media_type="text/csv")

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    @app.get("/healthz")
    @app.get("/metrics")
    async def internal() -> Response:
        return Response("internal", media_type="text/plain")

    return app


class House:
    """The keys and settings with which a gateway is made."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.gateway_key = OKPKey.generate_key("Ed25519", private=True)
        self.stand_in_key = OKPKey.generate_key("Ed25519", private=True)
        self._write("gateway.jwk", self.gateway_key)
        self._write("stand-in.jwk", self.stand_in_key)
        (folder / "trusted.json").write_text(json.dumps({"keys": []}), encoding="utf-8")
        self.redis_url = redis_url

    def _write(self, name: str, key: OKPKey) -> None:
        (self.folder / name).write_text(json.dumps(key.as_dict(private=True)), encoding="utf-8")

    @staticmethod
    def everywhere(url: str) -> dict[str, str]:
        """Give the settings with which every service answers at one address."""
        return {f"{service.package}_url": url for service in SERVICES}

    def settings(self, **changes: Any) -> GatewaySettings:
        values: dict[str, Any] = {
            "environment": "local",
            "log_level": "ERROR",
            "signing_key_file": self.folder / "gateway.jwk",
            "trusted_keys_file": self.folder / "trusted.json",
            "stand_in_identity_key_file": self.folder / "stand-in.jwk",
            "redis_url": self.redis_url,
            **self.everywhere("http://127.0.0.1:1"),
            "municipality_name": "Dordrecht",
        }
        return GatewaySettings(**(values | changes))

    def token(self, *roles: Role, subject: str = "tester", **claims: Any) -> str:
        """A token as the stand-in identity provider gives it."""
        signer = TokenSigner(STAND_IN, self.stand_in_key)
        return signer.token(AUDIENCE, subject, set(roles or (Role.AUDITOR,)), **({"lifetime_s": 3600} | claims))

    def bearer(self, *roles: Role, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(*roles, **claims)}"}
