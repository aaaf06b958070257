"""How the SDK's requests travel: through the HTTP library that the house has, with an end to each try.

Of the SDK's own clients one follows redirects and the other hands over its body in a way that httpx will drop; neither
ends an answer that drips in. Import this only where Stripe is really spoken to: the SDK takes up to 0.6 s and 28 MiB.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx
import stripe

TRY_S = 15.0
SILENCE_S = 8.0
CONNECT_S = 2.0
RETRIES = 1
"""Two tries that each drip on until 15 s, and then once more wait 8 s in vain, are over within 48 s: a worker's task
ends at 60 s."""
MAX_ANSWER_BYTES = 4 * 1024 * 1024


class HouseHttp(stripe.HTTPClient):
    """Sends one request for the SDK; what goes wrong on the way is an `APIConnectionError`, which it tries again."""

    name = "httpx"

    def __init__(self, try_s: float = TRY_S) -> None:
        super().__init__()
        self._try_s = try_s
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S, pool=CONNECT_S)
        self._http = httpx.Client(timeout=timeout, follow_redirects=False)

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        until = time.monotonic() + self._try_s
        received = bytearray()
        try:
            with self._http.stream(method, url, headers=headers, content=post_data) as answer:
                for piece in answer.iter_bytes():
                    received += piece
                    if time.monotonic() > until or len(received) > MAX_ANSWER_BYTES:
                        raise _broken("the answer takes too long or is too large")
                return received.decode(errors="replace"), answer.status_code, answer.headers
        except httpx.HTTPError as error:
            raise _broken(type(error).__name__) from error

    def close(self) -> None:
        self._http.close()


def _broken(how: str) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(how, should_retry=True)  # type: ignore[no-untyped-call]
