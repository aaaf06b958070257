"""The stand-in of Stripe running in a thread, the one who listens to its webhooks, and the SDK that speaks with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import stripe

from stripe_stand_in.app import create_stand_in
from stripe_stand_in.settings import StandInSettings
from tests.integration.gateway.running import Running

KEY = "sk_test_1"
SECRETS = ("whsec_new", "whsec_old")


@dataclass(frozen=True)
class Heard:
    """One webhook as it came in."""

    raw: bytes
    signature: str


class Listener:
    """Takes webhooks down, and answers with the statuses it is told to, then with 200."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append(Heard(raw, self.headers["Stripe-Signature"]))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.end_headers()

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/stripe-events"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def wait_for(self, count: int, within_s: float = 10.0) -> list[Heard]:
        """Give all that was heard, once it is this many."""
        wait_until(lambda: len(self.heard) >= count, within_s)
        return list(self.heard)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class StandIn:
    """The stand-in on a file; `restart` stops it and starts another on the same file."""

    def __init__(self, file: Path, *listeners: str, settles_after_s: float | None = None) -> None:
        self._file, self._listeners, self._settles_after_s = file, listeners, settles_after_s
        self._start()

    def _start(self) -> None:
        self._running = Running(
            create_stand_in(
                StandInSettings.model_validate(
                    {
                        "environment": "local",
                        "stripe_stand_in_file": self._file,
                        "stripe_key": KEY,
                        "stripe_public_url": "http://pay.test",
                        "stripe_webhook_url": self._listeners,
                        "stripe_webhook_secrets": SECRETS,
                        "stripe_settles_after_s": self._settles_after_s,
                    }
                )
            )
        )
        self.url = self._running.url

    def sdk(self, key: str = KEY) -> stripe.StripeClient:
        """The official client, pointed at the stand-in."""
        return sdk_at(self.url, key)

    def control(self, path: str, **body: Any) -> Any:
        """Let something happen that only a stand-in can do."""
        answer = httpx.post(f"{self.url}/_stand-in{path}", json=body, headers={"Authorization": f"Bearer {KEY}"})
        answer.raise_for_status()
        return answer.json()

    def events(self) -> list[dict[str, Any]]:
        """All events in the order in which they came about, with their deliveries."""
        answer = httpx.get(f"{self.url}/_stand-in/events", headers={"Authorization": f"Bearer {KEY}"})
        items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
        return items

    def on_page(self, session_url: str, **form: str) -> httpx.Response:
        """Do something on a hosted page, as a browser would."""
        return httpx.post(session_url.replace("http://pay.test", self.url), data=form)

    def restart(self) -> None:
        self.stop()
        self._start()

    def stop(self) -> None:
        self._running.stop()


def sdk_at(url: str, key: str = KEY) -> stripe.StripeClient:
    """The official client, telling nobody about this machine."""
    stripe.enable_telemetry = False
    return stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=0)


def wait_until(true: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait for something that another thread does."""
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
