"""What the gateway tells those who watch over it."""

from __future__ import annotations

from typing import Any

import httpx

from stadsbeurs.house import SERVICES
from tests.integration.gateway.running import House, Running


def test_ready_means_everything_behind_is_ready(make_gateway: Any, echo: Running) -> None:
    services = [service.name for service in SERVICES]
    good = make_gateway(**House.everywhere(echo.url))
    answer = httpx.get(good.url + "/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": dict.fromkeys([*services, "sessions"], True),
    }
    bad = make_gateway(wallet_url=echo.url, redis_url="redis://127.0.0.1:1/0")
    answer = httpx.get(bad.url + "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {**dict.fromkeys([*services, "sessions"], False), "wallet": True}
    assert httpx.get(bad.url + "/healthz").json() == {"status": "alive"}


def test_metrics_are_on_a_port_of_their_own(make_gateway: Any, house: House, echo: Running) -> None:
    from stadsbeurs import ports

    port = ports.pick()
    gateway = make_gateway(wallet_url=echo.url, metrics_port=port)
    httpx.get(gateway.url + "/api/wallet/v1/echo", headers=house.bearer())
    assert httpx.get(gateway.url + "/metrics").status_code == 404
    shown = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert 'stadsbeurs_gateway_forwarded_seconds_count{service="wallet",status="200"}' in shown
    assert 'route="/api/{rest:path}"' in shown
