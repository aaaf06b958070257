"""The stand-in of Stripe, driven by Stripe's own SDK over real HTTP: what it promises its callers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from foundation.settings import load
from sociaal_krediet.collecting.events import StripeEvent, read_event
from sociaal_krediet.rules.payments import PaymentState, payment_state
from stripe_stand_in.settings import StandInSettings
from tests.support.stripe import KEY, SECRETS, Listener, StandIn, wait_until

PAYS, FAILS, BOUNCES = "NL69TEST0000000001", "NL42TEST0000000002", "NL15TEST0000000003"


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def stand_in(tmp_path: Path, listener: Listener) -> Iterator[StandIn]:
    made = StandIn(tmp_path / "stripe.sqlite", listener.url)
    yield made
    made.stop()


def account(sdk: stripe.StripeClient, iban: str = PAYS) -> tuple[str, str, str]:
    """A customer with a debit account and its mandate."""
    customer = sdk.v1.customers.create({"metadata": {"loan": "l-1"}}).id
    method = sdk.v1.payment_methods.create({"type": "sepa_debit", "sepa_debit": {"iban": iban}}).id
    setup = sdk.v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": method,
            "allowed_payment_method_types": ["sepa_debit"],
            "confirm": True,
            "mandate_data": {"customer_acceptance": {"type": "offline", "offline": {}}},
        }
    )
    assert setup.status == "succeeded"
    return customer, method, str(setup.mandate)


def debit(sdk: stripe.StripeClient, iban: str = PAYS, amount: int = 4861, key: str = "debit/1") -> stripe.PaymentIntent:
    customer, method, mandate = account(sdk, iban)
    return sdk.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "eur",
            "customer": customer,
            "payment_method": method,
            "mandate": mandate,
            "allowed_payment_method_types": ["sepa_debit"],
            "confirm": True,
            "off_session": True,
            "metadata": {"payment": "p-1"},
        },
        {"idempotency_key": key},
    )


def told_of(stand_in: StandIn, intent: str, asked: int = 4861) -> PaymentState:
    """What the rules make of all events of one payment."""
    events = (read_one(event) for event in stand_in.events())
    said = (event.payment_event() for event in events if event.payment_intent == intent)
    return payment_state([event for event in said if event is not None], asked=asked)  # type: ignore[arg-type]


def read_one(event: dict[str, Any]) -> StripeEvent:
    raw = json.dumps(event)
    return read_event(raw.encode(), stripe.WebhookSignature.generate_signature_header(raw, "s"), ["s"])


def test_a_debit_is_on_its_way_until_the_bank_has_it(stand_in: StandIn) -> None:
    sdk = stand_in.sdk()
    made = debit(sdk)
    assert (made.status, made.amount_received, told_of(stand_in, made.id).status) == ("processing", 0, "processing")
    stand_in.control(f"/payment_intents/{made.id}/settle")
    paid = sdk.v1.payment_intents.retrieve(made.id)
    charge = sdk.v1.charges.retrieve(str(paid.latest_charge))
    assert (paid.status, paid.amount_received, charge.paid, charge.status) == ("succeeded", 4861, True, "succeeded")
    # Like Stripe: of an account its last four signs are shown, and no more is kept.
    details = charge.to_dict()["payment_method_details"]["sepa_debit"]
    assert (details["last4"], details["country"]) == ("0001", "NL")
    assert sdk.v1.balance.retrieve().available[0].amount == 4861
    with pytest.raises(stripe.InvalidRequestError, match="status succeeded"):
        sdk.v1.payment_intents.cancel(made.id)


def test_an_account_without_money_fails_and_another_bounces(stand_in: StandIn) -> None:
    sdk = stand_in.sdk()
    failed, bounced = debit(sdk, FAILS, key="a"), debit(sdk, BOUNCES, key="b")
    for one in (failed, bounced):
        stand_in.control(f"/payment_intents/{one.id}/settle")
    assert sdk.v1.payment_intents.retrieve(failed.id).status == "requires_payment_method"
    assert (told_of(stand_in, failed.id).status, told_of(stand_in, failed.id).failure) == (
        "failed",
        "insufficient_funds",
    )
    assert told_of(stand_in, bounced.id).status == "bounced"


def test_a_bounce_takes_the_money_and_a_dispute_that_is_won_brings_it_back(stand_in: StandIn) -> None:
    sdk = stand_in.sdk()
    made = debit(sdk)
    stand_in.control(f"/payment_intents/{made.id}/settle")
    charge = str(sdk.v1.payment_intents.retrieve(made.id).latest_charge)
    stand_in.control(f"/charges/{charge}/bounce", reason="insufficient_funds")
    [dispute] = sdk.v1.disputes.list({"payment_intent": made.id}).data
    assert (dispute.status, dispute.amount, dispute.reason) == ("lost", 4861, "insufficient_funds")
    state = told_of(stand_in, made.id)
    assert (state.status, [(one.amount, one.reason) for one in state.bounces]) == (
        "bounced",
        [(4861, "insufficient_funds")],
    )
    assert sdk.v1.balance.retrieve().available[0].amount == 0
    assert [event["type"] for event in stand_in.events()][-3:] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
    ]
    with pytest.raises(stripe.InvalidRequestError, match="charged back") as refused:
        sdk.v1.refunds.create({"payment_intent": made.id})
    assert refused.value.code == "charge_disputed"
    stand_in.control(f"/charges/{charge}/win")
    state = told_of(stand_in, made.id)
    assert (state.status, state.kept, len(state.reinstatements)) == ("succeeded", 4861, 1)
    assert sdk.v1.balance.retrieve().available[0].amount == 4861


def test_an_open_dispute_has_taken_the_money_and_can_be_lost(stand_in: StandIn) -> None:
    made = debit(stand_in.sdk())
    stand_in.control(f"/payment_intents/{made.id}/settle")
    charge = str(stand_in.sdk().v1.payment_intents.retrieve(made.id).latest_charge)
    assert stand_in.control(f"/charges/{charge}/bounce", leaveOpen=True)["status"] == "needs_response"
    assert told_of(stand_in, made.id).status == "bounced"
    assert stand_in.control(f"/charges/{charge}/lose")["status"] == "lost"
    assert len(told_of(stand_in, made.id).bounces) == 1


def test_a_refund_goes_on_its_way_arrives_and_can_still_fail(stand_in: StandIn) -> None:
    sdk = stand_in.sdk()
    made = debit(sdk)
    with pytest.raises(stripe.InvalidRequestError, match="not received"):
        sdk.v1.refunds.create({"payment_intent": made.id})
    stand_in.control(f"/payment_intents/{made.id}/settle")
    part = sdk.v1.refunds.create({"payment_intent": made.id, "amount": 1000})
    assert (part.status, told_of(stand_in, made.id).kept) == ("pending", 3861)
    stand_in.control(f"/refunds/{part.id}/settle")
    assert sdk.v1.refunds.retrieve(part.id).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk.v1.refunds.create({"payment_intent": made.id, "amount": 3862})
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount")
    stand_in.control(f"/refunds/{part.id}/fail")
    state = told_of(stand_in, made.id)
    assert ([(one.amount, one.status) for one in state.refunds], state.kept) == ([(1000, "failed")], 4861)
    assert sdk.v1.refunds.create({"payment_intent": made.id}).amount == 4861


def session(sdk: stripe.StripeClient, *methods: str) -> Any:
    return sdk.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "allowed_payment_method_types": list(methods),
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {"currency": "eur", "unit_amount": 4861, "product_data": {"name": "Betaling"}},
                }
            ],
            "success_url": "http://house.test/betaald?s={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://house.test/terug",
            "payment_intent_data": {"metadata": {"payment": "p-1"}},
        }
    )


def test_ideal_is_paid_on_the_page_and_received_at_once(stand_in: StandIn) -> None:
    sdk = stand_in.sdk()
    made = session(sdk, "ideal", "sepa_debit")
    page = httpx.get(made.url.replace("http://pay.test", stand_in.url))
    assert page.status_code == 200 and "€ 48,61" in page.text
    assert all(f">{word}</button>" in page.text for word in ("Betalen", "Mislukken", "Annuleren"))
    back = stand_in.on_page(made.url, act="cancel")
    assert (back.status_code, back.headers["Location"]) == (303, "http://house.test/terug")
    assert "nog eens proberen" in stand_in.on_page(made.url, act="fail", method="ideal").text
    done = stand_in.on_page(made.url, act="pay", method="ideal")
    assert (done.status_code, done.headers["Location"]) == (303, f"http://house.test/betaald?s={made.id}")
    closed = sdk.v1.checkout.sessions.retrieve(made.id)
    assert (closed.status, closed.payment_status) == ("complete", "paid")
    intent = sdk.v1.payment_intents.retrieve(str(closed.payment_intent))
    assert (intent.status, intent.metadata["payment"]) == ("succeeded", "p-1")
    assert (told_of(stand_in, intent.id).status, told_of(stand_in, intent.id).kept) == ("succeeded", 4861)
    again = stand_in.on_page(made.url, act="pay", method="ideal")
    assert again.status_code == 400 and "gesloten" in again.text
    assert len(sdk.v1.payment_intents.list().data) == 1, "one payment for three tries"
    with pytest.raises(httpx.HTTPStatusError):
        stand_in.control(f"/charges/{intent.latest_charge}/bounce")


def test_a_debit_on_the_page_is_unpaid_until_it_arrives(stand_in: StandIn) -> None:
    sdk = stand_in.sdk()
    made = session(sdk, "sepa_debit")
    refused = stand_in.on_page(made.url, act="pay", method="sepa_debit", iban="NL91ABNA0417164300")
    assert refused.status_code == 400 and "test-IBAN" in refused.text
    assert stand_in.on_page(made.url, act="pay", method="ideal").status_code == 400
    assert stand_in.on_page(made.url, act="pay", method="sepa_debit", iban=PAYS).status_code == 303
    closed = sdk.v1.checkout.sessions.retrieve(made.id)
    assert (closed.status, closed.payment_status) == ("complete", "unpaid")
    stand_in.control(f"/payment_intents/{closed.payment_intent}/settle")
    assert sdk.v1.checkout.sessions.retrieve(made.id).payment_status == "paid"
    assert stand_in.events()[-1]["type"] == "checkout.session.async_payment_succeeded"


def test_a_page_that_nobody_uses_expires(stand_in: StandIn) -> None:
    sdk = stand_in.sdk()
    made = session(sdk, "ideal")
    assert sdk.v1.checkout.sessions.expire(made.id).status == "expired"
    assert stand_in.on_page(made.url, act="pay", method="ideal").status_code == 400
    assert httpx.get(f"{stand_in.url}/checkout/cs_test_none").status_code == 404


def test_one_idempotency_key_is_one_request(stand_in: StandIn) -> None:
    sdk = stand_in.sdk()
    body = {"amount": "4861", "currency": "eur", "allowed_payment_method_types[0]": "ideal"}
    headers = {"Authorization": f"Bearer {KEY}", "Idempotency-Key": "k-1"}
    first, again = (httpx.post(f"{stand_in.url}/v1/payment_intents", data=body, headers=headers) for _ in range(2))
    assert (first.status_code, first.content, "Idempotent-Replayed" in first.headers) == (200, again.content, False)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(sdk.v1.payment_intents.list().data) == 1
    assert [event["type"] for event in stand_in.events()] == ["payment_intent.created"]
    with pytest.raises(stripe.IdempotencyError):
        sdk.v1.customers.create({}, {"idempotency_key": "k-1"})
    # What was refused is not kept: the key is free for the request put right.
    for amount, status in (("49", 400), ("50", 200)):
        headers["Idempotency-Key"] = "k-2"
        answer = httpx.post(f"{stand_in.url}/v1/payment_intents", data=body | {"amount": amount}, headers=headers)
        assert answer.status_code == status


def test_eight_requests_at_once_with_one_key_are_one(stand_in: StandIn) -> None:
    def create(_: int) -> str:
        return stand_in.sdk().v1.customers.create({}, {"idempotency_key": "at-once"}).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(create, range(8)))) == 1
    assert len(stand_in.events()) == 1


REFUSALS: list[tuple[str, dict[str, str], int, str | None, str | None]] = [
    ("/v1/payment_intents", {"currency": "eur"}, 400, "parameter_invalid_integer", "amount"),
    ("/v1/payment_intents", {"amount": "12.50", "currency": "eur"}, 400, "parameter_invalid_integer", "amount"),
    ("/v1/payment_intents", {"amount": "49", "currency": "eur"}, 400, "amount_too_small", "amount"),
    ("/v1/payment_intents", {"amount": "100000000", "currency": "eur"}, 400, "amount_too_large", "amount"),
    ("/v1/payment_intents", {"amount": "5000"}, 400, "parameter_missing", "currency"),
    ("/v1/customers", {"name": "J. Jansen"}, 400, "parameter_unknown", "name"),
    ("/v1/customers", {"metadata[a][b]": "x"}, 400, None, "metadata[a]"),
    ("/v1/customers", {"metadata": "x"}, 400, None, "metadata"),
    ("/v1/customers", {"m" + "[a]" * 9: "x"}, 400, None, "m" + "[a]" * 9),
    ("/v1/refunds", {"charge": "py_none"}, 400, "resource_missing", "charge"),
    ("/v1/refunds", {}, 400, "parameter_missing", "charge"),
    ("/v1/payment_intents/pi_none/cancel", {}, 404, "resource_missing", "id"),
    ("/v1/invoices", {}, 404, None, None),
    (
        "/v1/payment_methods",
        {"type": "sepa_debit", "sepa_debit[iban]": "NL91ABNA0417164300"},
        400,
        "invalid_bank_account_iban",
        "sepa_debit[iban]",
    ),
]


def test_a_refusal_names_its_type_code_and_parameter_as_stripe_does(stand_in: StandIn) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    for path, body, status, code, param in REFUSALS:
        answer = httpx.post(stand_in.url + path, data=body, headers=headers)
        error = answer.json()["error"]
        assert (answer.status_code, error["type"]) == (status, "invalid_request_error"), (path, body)
        assert (error.get("code"), error.get("param")) == (code, param), (path, body)
    assert stand_in.events() == []


def test_who_has_no_key_or_speaks_another_version_is_refused(stand_in: StandIn) -> None:
    with pytest.raises(stripe.AuthenticationError):
        stand_in.sdk("sk_test_other").v1.customers.list()
    for shown in ({}, {"Authorization": "Basic ###"}, {"Authorization": "Basic c2tfdGVzdF8yOg=="}):
        assert httpx.get(f"{stand_in.url}/v1/events", headers=shown).status_code == 401
        assert httpx.get(f"{stand_in.url}/_stand-in/events", headers=shown).status_code == 401
        assert httpx.post(f"{stand_in.url}/_stand-in/deliveries/hold", headers=shown).status_code == 401
    assert httpx.get(f"{stand_in.url}/v1/events", auth=(KEY, "")).status_code == 200
    old = stripe.StripeClient(KEY, base_addresses={"api": stand_in.url}, stripe_version="2024-06-20")
    with pytest.raises(stripe.InvalidRequestError, match="speaks"):
        old.v1.customers.create({})
    for path in ("/healthz", "/readyz"):
        assert httpx.get(stand_in.url + path).status_code == 200


def test_a_list_is_paged_newest_first_and_filtered(stand_in: StandIn) -> None:
    sdk = stand_in.sdk()
    made = [sdk.v1.customers.create({"metadata": {"n": str(n)}}).id for n in range(7)]
    first = sdk.v1.customers.list({"limit": 3})
    assert ([one.id for one in first.data], first.has_more) == (made[:3:-1], True)
    assert [one.id for one in first.auto_paging_iter()] == made[::-1]
    last = sdk.v1.customers.list({"limit": 3, "starting_after": made[3]})
    assert ([one.id for one in last.data], last.has_more) == (made[2::-1], False)
    assert sdk.v1.events.list({"type": "payment_intent.created"}).data == []
    assert len(sdk.v1.events.list({"type": "customer.created", "limit": 100}).data) == 7
    for wrong in ({"limit": 101}, {"starting_after": "cus_none"}):
        with pytest.raises(stripe.InvalidRequestError):
            sdk.v1.customers.list(wrong)  # type: ignore[arg-type]


def test_webhooks_are_signed_with_both_secrets_and_hold_the_event_as_it_then_was(
    stand_in: StandIn, listener: Listener
) -> None:
    made = debit(stand_in.sdk())
    stand_in.control(f"/payment_intents/{made.id}/settle")
    heard = listener.wait_for(len(stand_in.events()))
    for one in heard:
        assert one.signature.count("v1=") == 2
        for secret in SECRETS:
            stripe.Webhook.construct_event(one.raw, one.signature, secret)
            read_event(one.raw, one.signature, [secret])
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(one.raw, one.signature, "whsec_other")
    events = [read_event(one.raw, one.signature, SECRETS) for one in heard]
    statuses = [(event.type, event.status) for event in events if event.object_kind == "payment_intent"]
    assert statuses == [
        ("payment_intent.created", "requires_payment_method"),
        ("payment_intent.processing", "processing"),
        ("payment_intent.succeeded", "succeeded"),
    ]


def test_what_does_not_arrive_is_sent_again_even_after_a_restart(stand_in: StandIn, listener: Listener) -> None:
    listener.statuses = [500, 302]
    stand_in.sdk().v1.customers.create({})
    listener.wait_for(1)
    stand_in.restart()
    listener.wait_for(3)
    wait_until(lambda: stand_in.events()[0]["deliveries"][0]["status"] == 200)
    [event] = stand_in.events()
    assert event["deliveries"] == [{"url": listener.url, "attempts": 3, "status": 200}]
    assert len({one.raw for one in listener.heard}) == 1, "the same bytes every time"


def test_deliveries_can_be_held_and_sent_in_any_order_and_twice(stand_in: StandIn, listener: Listener) -> None:
    stand_in.control("/deliveries/hold")
    made = debit(stand_in.sdk())
    stand_in.control(f"/payment_intents/{made.id}/settle")
    ids = [event["id"] for event in stand_in.events()]
    assert listener.heard == []
    for event_id in [*reversed(ids), ids[0]]:
        assert stand_in.control(f"/events/{event_id}/resend")["deliveries"][0]["status"] == 200
    assert [json.loads(one.raw)["id"] for one in listener.heard] == [*reversed(ids), ids[0]]
    stand_in.control("/deliveries/release")
    stand_in.sdk().v1.customers.create({})
    assert json.loads(listener.wait_for(len(ids) + 2)[-1].raw)["type"] == "customer.created"
    assert len(listener.heard) == len(ids) + 2, "what was sent by hand is not sent once more"


def test_a_restart_forgets_nothing(stand_in: StandIn) -> None:
    sdk = stand_in.sdk()
    made = debit(sdk, key="before")
    customer = str(made.customer)
    stand_in.restart()
    sdk = stand_in.sdk()
    assert sdk.v1.customers.retrieve(customer).id == customer
    stand_in.control(f"/payment_intents/{made.id}/settle")
    assert sdk.v1.payment_intents.retrieve(made.id).status == "succeeded"
    with pytest.raises(stripe.IdempotencyError):
        sdk.v1.customers.create({}, {"idempotency_key": "before"})


def test_debits_and_refunds_can_end_by_themselves(tmp_path: Path, listener: Listener) -> None:
    stand_in = StandIn(tmp_path / "stripe.sqlite", listener.url, settles_after_s=0)
    try:
        sdk = stand_in.sdk()
        made = debit(sdk)
        wait_until(lambda: sdk.v1.payment_intents.retrieve(made.id).status == "succeeded")
        refund = sdk.v1.refunds.create({"payment_intent": made.id, "amount": 61})
        wait_until(lambda: sdk.v1.refunds.retrieve(refund.id).status == "succeeded")
    finally:
        stand_in.stop()


def test_production_refuses_it_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("STADSBEURS_ENVIRONMENT", "production")
    with pytest.raises(SystemExit) as ended:
        load(StandInSettings)
    assert ended.value.code == 2
    [sentence] = capsys.readouterr().err.splitlines()
    assert "STADSBEURS_ENVIRONMENT is production" in sentence
    for name, value in {
        "ENVIRONMENT": "local",
        "STRIPE_KEY": "sk_test_1",
        "STRIPE_PUBLIC_URL": "http://127.0.0.1:8120",
        "STRIPE_STAND_IN_FILE": str(tmp_path / "new.sqlite"),
        "STRIPE_WEBHOOK_URL": "http://a.test/x, http://b.test/y",
    }.items():
        monkeypatch.setenv(f"STADSBEURS_{name}", value)
    with pytest.raises(SystemExit):
        load(StandInSettings)
    assert "WEBHOOK_SECRETS must be set" in capsys.readouterr().err
    monkeypatch.setenv("STADSBEURS_STRIPE_WEBHOOK_SECRETS", "whsec_a whsec_b")
    settings = load(StandInSettings)
    assert settings.stripe_webhook_url == ("http://a.test/x", "http://b.test/y")
    assert [one.get_secret_value() for one in settings.stripe_webhook_secrets] == ["whsec_a", "whsec_b"]


def test_neither_the_service_nor_the_stand_in_imports_the_sdk_before_it_is_needed() -> None:
    program = (
        "import sys, sociaal_krediet.collecting.stripe_api, sociaal_krediet.collecting.events, stripe_stand_in.app;"
        "sociaal_krediet.collecting.stripe_api.StripeApi('sk_test_1');"
        "assert 'stripe' not in sys.modules and 'requests' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
