"""Sessions of people on the pages: kept on our side in Valkey, so that signing out is real.

The browser holds 256 random bits; we hold their hash, so that a copy of Valkey opens no session. When Valkey is
empty everybody signs in again and nothing else is lost.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from foundation.access import Caller, Role
from foundation.refusals import Unavailable

IDLE_S = 15 * 60
STAFF_IDLE_S = 30 * 60
ABSOLUTE_S = 8 * 3600
FLOW_S = 10 * 60
"""How long a person may take at the identity provider."""

STAFF = frozenset(Role) - {Role.PASS_HOLDER, Role.ORGANISATION, Role.PROVIDER}
VALKEY_TIMEOUT_S = 2.0


class SessionsUnavailable(Unavailable):
    code = "sessionsUnavailable"

    def __init__(self) -> None:
        super().__init__("Aanmelden kan nu even niet. Probeer het zo opnieuw.", headers={"Retry-After": "5"})


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in."""

    caller: Caller
    began_at: float
    """Seconds since 1970; from here the absolute limit counts."""


@dataclass(frozen=True, slots=True)
class SigningIn:
    """What we remember of a person who is away to the identity provider."""

    nonce: str
    verifier: str


class Sessions:
    """Starts, finds and ends sessions."""

    def __init__(self, redis_url: str) -> None:
        self._valkey: Redis = Redis.from_url(
            redis_url,
            decode_responses=True,
            socket_timeout=VALKEY_TIMEOUT_S,
            socket_connect_timeout=VALKEY_TIMEOUT_S,
        )

    async def start(self, caller: Caller, replaces: str | None = None) -> str:
        """Begin a session under a new id and give that id; the one that it replaces ends."""
        new = secrets.token_urlsafe(32)
        content = {
            "subject": caller.subject,
            "roles": sorted(caller.roles),
            "holder_id": caller.holder_id,
            "organisation_id": caller.organisation_id,
            "began_at": time.time(),
        }
        async with _answering():
            if replaces is not None:
                await self._valkey.delete(_key("session", replaces))
            await self._valkey.set(_key("session", new), json.dumps(content), ex=idle_s(caller))
        return new

    async def find(self, session_id: str) -> Session | None:
        """Give the session of this id when it still lasts, and let its idle time begin again."""
        key = _key("session", session_id)
        async with _answering():
            text = await self._valkey.get(key)
            if text is None:
                return None
            session = _read(text)
            left_s = int(session.began_at + ABSOLUTE_S - time.time())
            if left_s <= 0:
                await self._valkey.delete(key)
                return None
            # Only prolonged, never written again: a session that was ended meanwhile stays ended.
            await self._valkey.expire(key, min(idle_s(session.caller), left_s))
        return session

    async def end(self, session_id: str) -> None:
        """End a session now."""
        async with _answering():
            await self._valkey.delete(_key("session", session_id))

    async def send_away(self, state: str, flow: SigningIn) -> None:
        """Remember somebody who goes to the identity provider with this state."""
        content = json.dumps({"nonce": flow.nonce, "verifier": flow.verifier})
        async with _answering():
            await self._valkey.set(_key("signing-in", state), content, ex=FLOW_S)

    async def welcome_back(self, state: str) -> SigningIn | None:
        """Give what we remember of this state, once."""
        async with _answering():
            text = await self._valkey.getdel(_key("signing-in", state))
        return None if text is None else SigningIn(**json.loads(text))

    async def answers(self) -> bool:
        """Tell whether Valkey can be asked."""
        try:
            async with _answering():
                await self._valkey.get(_key("session", ""))
            return True
        except SessionsUnavailable:
            return False

    async def close(self) -> None:
        await self._valkey.aclose()


def idle_s(caller: Caller) -> int:
    """Give how long this caller may be still, in seconds: staff longer than citizens."""
    return IDLE_S if caller.roles.isdisjoint(STAFF) else STAFF_IDLE_S


def _key(kind: str, secret: str) -> str:
    return f"gateway:{kind}:{hashlib.sha256(secret.encode()).hexdigest()}"


def _read(text: str) -> Session:
    content: dict[str, Any] = json.loads(text)
    caller = Caller(
        subject=content["subject"],
        roles=frozenset(Role(role) for role in content["roles"]),
        holder_id=content["holder_id"],
        organisation_id=content["organisation_id"],
    )
    return Session(caller, content["began_at"])


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise SessionsUnavailable from error
