"""A small OpenID Connect provider: discovery, keys, and the authorization code with PKCE."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
import warnings
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.integration.gateway.running import Running

CLIENT = "stadsbeurs-web"


class Issuer:
    """A provider whose answers a test can bend."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"rsa-1": RSAKey.generate_key(2048, private=True)}
        self.key_fetches = 0
        self.down = False
        self.person: dict[str, Any] = {"sub": "p-1", "roles": ["pass-holder"], "holder_id": "h-1"}
        self.bend: dict[str, Any] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self.running = Running(self._app())
        self.url = self.running.url

    def stop(self) -> None:
        self.running.stop()

    def forget(self) -> None:
        """Stop bending answers."""
        self.bend.clear()
        self.down = False

    def add_key(self, kid: str, kind: str) -> None:
        made = {
            "RSA": lambda: RSAKey.generate_key(2048, private=True),
            "small RSA": lambda: RSAKey.generate_key(1024, private=True),
            "EC": lambda: ECKey.generate_key("P-256", private=True),
            "OKP": lambda: OKPKey.generate_key("Ed25519", private=True),
        }
        with warnings.catch_warnings():
            # Whichever test asks for it first: a weak key is made to be refused.
            warnings.simplefilter("ignore", SecurityWarning)
            self.keys[kid] = made[kind]()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims of a good access token; a change to None leaves one out."""
        now = int(time.time())
        good = {"iss": self.url, "aud": "stadsbeurs", "iat": now, "exp": now + 600, **self.person}
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(
        self, kid: str = "rsa-1", algorithm: str = "RS256", header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        full = {"alg": algorithm, "kid": kid, **(header or {})}
        full = {name: value for name, value in full.items() if value is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)
            return jwt.encode(full, self.claims(**claims), self.keys[kid], algorithms=[algorithm])

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        async def discovery() -> Response:
            if self.down:
                return Response(status_code=503)
            return JSONResponse(
                {
                    "issuer": self.url,
                    "jwks_uri": f"{self.url}/jwks",
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                }
                | self.bend.get("discovery", {})
            )

        @app.get("/jwks")
        async def jwks() -> Response:
            self.key_fetches += 1
            if self.down:
                return Response(status_code=503)
            public = [{**key.as_dict(private=False), "kid": kid, "use": "sig"} for kid, key in self.keys.items()]
            return JSONResponse({"keys": [*public, *self.bend.get("keys", [])]})

        @app.get("/authorize")
        async def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            code = secrets.token_urlsafe(16)
            self._codes[code] = asked
            return RedirectResponse(
                f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.url})}"
            )

        @app.post("/token")
        async def token(request: Request) -> Response:
            form = dict(await request.form())
            asked = self._codes.pop(str(form["code"]), None)
            digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if asked is None or challenge != asked["code_challenge"] or asked["code_challenge_method"] != "S256":
                return JSONResponse({"error": "invalid_grant"}, 400)
            claims = {"aud": asked["client_id"], "nonce": asked["nonce"]} | self.bend.get("id_token", {})
            return JSONResponse({"access_token": "opaque", "token_type": "Bearer", "id_token": self.token(**claims)})

        return app
