"""The way to Stripe (SK-9, SK-12): what is sent there, what comes back, and what its errors mean for the outbox."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus
from uuid import UUID

import httpx
import pytest
import respx
import stripe

from foundation.money import Cents
from foundation.outbox import DeliveryFailed, DeliveryRefused
from sociaal_krediet.collecting import Collector
from sociaal_krediet.collecting.events import read_event
from sociaal_krediet.collecting.stripe_api import StripeApi
from sociaal_krediet.collecting.stripe_http import CONNECT_S, RETRIES, SILENCE_S, TRY_S, HouseHttp
from tests.support.stripe import KEY, SECRETS, Listener, StandIn

BASE = "http://stripe.test"
LOAN, PAYMENT = UUID("0198f000-0000-7000-8000-000000000001"), UUID("0198f000-0000-7000-8000-000000000002")
PAGES = {"success_url": "http://house.test/gelukt", "cancel_url": "http://house.test/terug"}


def debit(api: Collector, key: str = "debit/1") -> Any:
    return api.debit(PAYMENT, LOAN, Cents(4861), customer="cus_1", payment_method="pm_1", mandate="mandate_1", key=key)


CALLS: dict[str, Callable[[Collector], Any]] = {
    "/v1/customers": lambda api: api.create_customer(LOAN, key="key-1"),
    "/v1/checkout/sessions": lambda api: api.mandate_session("cus_1", LOAN, key="key-1", **PAGES),
    "/v1/checkout/sessions?payment": lambda api: api.payment_session(
        PAYMENT, LOAN, Cents(4861), ["ideal", "sepa_debit"], key="key-1", **PAGES
    ),
    "/v1/payment_intents": lambda api: debit(api, "key-1"),
    "/v1/refunds": lambda api: api.refund("pi_1", Cents(1000), key="key-1"),
}


@pytest.fixture
def api() -> Collector:
    return StripeApi(KEY, BASE)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0.0)


def test_a_mandate_a_debit_and_a_refund_from_the_first_page_to_the_last_event(tmp_path: Path) -> None:
    listener = Listener()
    stand_in = StandIn(tmp_path / "stripe.sqlite", listener.url)
    try:
        api: Collector = StripeApi(KEY, stand_in.url)
        customer = api.create_customer(LOAN, key="customer/1")
        assert api.create_customer(LOAN, key="customer/1") == customer
        page = api.mandate_session(customer, LOAN, key="mandate/1", **PAGES)
        done = stand_in.on_page(page.url, act="pay", method="sepa_debit", iban="NL69TEST0000000001")
        assert done.headers["Location"] == PAGES["success_url"]
        told = [read_event(one.raw, one.signature, SECRETS) for one in listener.wait_for(6)]
        [setup] = [event for event in told if event.type == "setup_intent.succeeded"]
        assert (setup.loan, setup.customer) == (str(LOAN), customer)
        assert setup.payment_method and setup.mandate
        made = [
            api.debit(
                PAYMENT,
                LOAN,
                Cents(4861),
                customer=customer,
                payment_method=setup.payment_method,
                mandate=setup.mandate,
                key="debit/1",
            )
            for _ in range(2)
        ]
        assert (made[0], made[0].state) == (made[1], "processing")
        stand_in.control(f"/payment_intents/{made[0].payment_intent}/settle")
        back = api.refund(made[0].payment_intent, Cents(1000), key="refund/1")
        assert back.state == "pending"
        paid = api.payment_session(PAYMENT, LOAN, Cents(5000), ["ideal"], key="page/1", **PAGES)
        assert stand_in.on_page(paid.url, act="pay", method="ideal").status_code == 303
        told = [read_event(one.raw, one.signature, SECRETS) for one in listener.wait_for(len(stand_in.events()))]
        [received] = [e for e in told if e.type == "payment_intent.succeeded" and e.amount == 5000]
        assert (received.payment, received.loan) == (str(PAYMENT), str(LOAN))
        with pytest.raises(DeliveryRefused) as refused:
            api.refund(made[0].payment_intent, Cents(3862), key="refund/2")
        assert refused.value.code == "amount_too_large"
        with pytest.raises(DeliveryRefused) as refused:
            api.create_customer(PAYMENT, key="customer/1")
        assert refused.value.code == "idempotency_error"
    finally:
        stand_in.stop()
        listener.close()


ANSWER = {"id": "x_1", "object": "anything", "status": "processing", "url": "http://pay.test/1"}


@pytest.mark.parametrize("call", CALLS)
def test_only_opaque_references_go_to_stripe_each_with_its_key(api: Collector, call: str) -> None:
    with respx.mock(base_url=BASE) as router:
        route = router.post(call.partition("?")[0]).respond(200, json=ANSWER)
        CALLS[call](api)
    [sent] = [one.request for one in route.calls]
    assert (sent.headers["Idempotency-Key"], sent.headers["Authorization"]) == ("key-1", f"Bearer {KEY}")
    assert sent.headers["Stripe-Version"] == "2026-10-28.endive"
    about = {value[0] for name, value in parse_qs(sent.content.decode()).items() if "metadata" in name}
    assert about <= {str(LOAN), str(PAYMENT)}
    # Neither the scheme, nor a person, nor this machine is named.
    said = unquote_plus(sent.content.decode()).lower() + str(dict(sent.headers)).lower()
    for word in ("krediet", "lening", "dordrecht", "stadsbeurs", "bsn", "email", "telemetry", "platform"):
        assert word not in said, word


def error(status: int, kind: str = "invalid_request_error", code: str | None = None, **headers: str) -> httpx.Response:
    told = {"type": kind, "message": "nee"} | ({"code": code} if code else {})
    return httpx.Response(status, json={"error": told}, headers=headers)


FINAL = {
    "declined": (error(402, "card_error", "insufficient_funds"), "insufficient_funds"),
    "invalid": (error(400, code="amount_too_small"), "amount_too_small"),
    "unknown": (error(404, code="resource_missing"), "resource_missing"),
    "key with other content": (error(400, "idempotency_error"), "idempotency_error"),
    "wrong key": (error(401), "invalid_request_error"),
    "not allowed": (error(403), "invalid_request_error"),
}
AGAIN: dict[str, Any] = {
    "no connection": httpx.ConnectError("refused"),
    "no answer": httpx.ReadTimeout("slow"),
    "cut off": httpx.RemoteProtocolError("cut"),
    "key in use": error(409, "idempotency_error", "idempotency_key_in_use"),
    "locked": error(429, code="lock_timeout"),
    "locked, as 400": error(400, code="lock_timeout"),
    "too many": error(429, code="rate_limit"),
    "500": error(500, "api_error"),
    "502 of a proxy": httpx.Response(502, text="<html>"),
    "503": httpx.Response(503, json={}),
    "a redirect": httpx.Response(302, headers={"Location": "http://elsewhere.test/"}),
    "success that is no JSON": httpx.Response(200, text="<html>"),
}


@pytest.mark.parametrize("name", FINAL)
def test_what_stripe_refuses_is_final_and_asked_once(api: Collector, name: str) -> None:
    answer, code = FINAL[name]
    with respx.mock(base_url=BASE) as router:
        route = router.post("/v1/payment_intents").mock(return_value=answer)
        with pytest.raises(DeliveryRefused) as refused:
            debit(api)
    assert (refused.value.code, refused.value.message, route.call_count) == (code, "nee", 1)


@pytest.mark.parametrize("name", AGAIN)
def test_what_is_not_known_is_asked_again_with_the_same_key(api: Collector, name: str) -> None:
    with respx.mock(base_url=BASE) as router:
        route = router.post("/v1/payment_intents").mock(side_effect=lambda _: _raise_or_give(AGAIN[name]))
        with pytest.raises(DeliveryFailed):
            debit(api)
    assert 1 <= route.call_count <= 1 + RETRIES
    assert {call.request.headers["Idempotency-Key"] for call in route.calls} == {"debit/1"}
    assert len({call.request.content for call in route.calls}) == 1


def _raise_or_give(outage: Any) -> Any:
    if isinstance(outage, Exception):
        raise outage
    return outage


def test_when_stripe_says_when_to_come_back_that_is_kept(api: Collector) -> None:
    with respx.mock(base_url=BASE) as router:
        router.post("/v1/refunds").mock(return_value=error(429, code="rate_limit", **{"Retry-After": "7"}))
        with pytest.raises(DeliveryFailed) as failed:
            api.refund("pi_1", Cents(1), key="k")
    assert failed.value.retry_after_s == 7.0


def test_one_outage_is_got_over_within_the_call(api: Collector) -> None:
    with respx.mock(base_url=BASE) as router:
        router.post("/v1/refunds").mock(side_effect=[httpx.ReadTimeout("slow"), httpx.Response(200, json=ANSWER)])
        assert api.refund("pi_1", Cents(1), key="k").refund == "x_1"


@pytest.fixture
def dripping() -> Iterator[str]:
    """A server that begins an answer and then drips."""
    listening = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        while True:
            try:
                connection, _ = listening.accept()
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                for _ in range(100):
                    connection.sendall(b" ")
                    time.sleep(0.02)
            except OSError:
                if listening.fileno() < 0:
                    return

    threading.Thread(target=drip, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.close()


def test_an_answer_that_drips_in_has_an_end(dripping: str) -> None:
    began = time.monotonic()
    with pytest.raises(stripe.APIConnectionError):
        HouseHttp(try_s=0.2).request("GET", dripping, {})
    assert time.monotonic() - began < 1.5
    # Below a worker's limit of 60 s, whatever the other side does.
    assert (1 + RETRIES) * (CONNECT_S + TRY_S + SILENCE_S) <= 50
