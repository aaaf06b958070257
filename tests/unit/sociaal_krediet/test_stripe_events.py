"""SK-12: an event of Stripe is believed for its signature over its raw bytes, and read for a few fields only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from stripe import WebhookSignature

from foundation.refusals import Refusal
from sociaal_krediet.collecting.events import BadSignature, MalformedEvent, StaleSignature, StripeEvent, read_event
from sociaal_krediet.rules.payments import PaymentEvent, PaymentEventKind

NEW, OLD, OTHER = "whsec_new", "whsec_old", "whsec_somebody_else"
NOW = datetime(2026, 10, 1, 12, 0, 0, tzinfo=UTC)
CREATED = 1_790_855_990  # 2026-10-01 11:59:50 UTC


@pytest.fixture(autouse=True)
def _at_noon() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def told(kind: str, about: dict[str, Any], **changes: Any) -> bytes:
    event = {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "created": CREATED,
        "livemode": False,
        "data": {"object": about},
    }
    return json.dumps(event | changes).encode()


INTENT = {
    "object": "payment_intent",
    "id": "pi_1",
    "created": CREATED - 60,
    "amount": 4861,
    "amount_received": 4861,
    "currency": "eur",
    "customer": "cus_1",
    "payment_method": {"id": "pm_1", "object": "payment_method", "billing_details": {"name": "J. Jansen"}},
    "latest_charge": "py_1",
    "status": "succeeded",
    "receipt_email": "j.jansen@voorbeeld.nl",
    "metadata": {"payment": "0198-a", "loan": "0198-b", "other": "x"},
}
RAW = told("payment_intent.succeeded", INTENT)


def signed(raw: bytes, secret: str = NEW, seconds_ago: int = 0) -> str:
    at = int(NOW.timestamp()) - seconds_ago
    return str(WebhookSignature.generate_signature_header(raw.decode(), secret, at))


def test_an_event_is_read_for_the_few_fields_that_are_used() -> None:
    event = read_event(RAW, signed(RAW), [NEW])
    assert event == StripeEvent(
        id="evt_1",
        type="payment_intent.succeeded",
        created=datetime(2026, 10, 1, 11, 59, 50, tzinfo=UTC),
        livemode=False,
        object_kind="payment_intent",
        object_created=datetime(2026, 10, 1, 11, 58, 50, tzinfo=UTC),
        payment_intent="pi_1",
        charge="py_1",
        refund=None,
        dispute=None,
        session=None,
        setup_intent=None,
        mandate=None,
        customer="cus_1",
        payment_method="pm_1",
        amount=4861,
        amount_received=4861,
        currency="eur",
        status="succeeded",
        payment_status=None,
        reason=None,
        payment="0198-a",
        loan="0198-b",
    )
    assert "ansen" not in repr(event)
    # The same bytes sent again are the same event: telling them apart is for the inbox, by id.
    assert read_event(RAW, signed(RAW, seconds_ago=200), [NEW]) == event


def test_both_secrets_are_good_while_one_replaces_the_other() -> None:
    assert read_event(RAW, signed(RAW, OLD), [NEW, OLD]).id == "evt_1"
    both = signed(RAW, OLD) + "," + signed(RAW, NEW).partition(",")[2]
    assert read_event(RAW, both, [NEW]).id == "evt_1"
    with pytest.raises(BadSignature):
        read_event(RAW, signed(RAW, OLD), [NEW])


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "nonsense",
        "t=1790856000",
        signed(RAW, OTHER),
        signed(RAW).replace("v1=", "v0="),
        signed(RAW)[:-1],
        signed(RAW) + "é",
        "t=" + "9" * 5000 + ",v1=" + "0" * 64,
    ],
)
def test_a_forged_signature_is_refused(header: str) -> None:
    with pytest.raises(BadSignature) as refused:
        read_event(RAW, header, [NEW, OLD])
    assert (refused.value.status, refused.value.code) == (400, "badSignature")


def test_no_secret_believes_nothing() -> None:
    for secrets in ([], [""]):
        with pytest.raises(BadSignature):
            read_event(RAW, signed(RAW), secrets)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_one_altered_byte_is_refused(where: int, change: int) -> None:
    altered = bytearray(RAW)
    altered[where] ^= change
    with time_machine.travel(NOW, tick=False), pytest.raises(BadSignature):
        read_event(bytes(altered), signed(RAW), [NEW])


def test_what_was_overheard_cannot_be_sent_again_after_five_minutes() -> None:
    assert read_event(RAW, signed(RAW, seconds_ago=300), [NEW]).id == "evt_1"
    with pytest.raises(StaleSignature) as refused:
        read_event(RAW, signed(RAW, seconds_ago=301), [NEW])
    assert (refused.value.status, refused.value.code) == (400, "staleSignature")
    # Another time under the same signature is a forgery, not an old message.
    moved = signed(RAW, seconds_ago=301).replace(str(int(NOW.timestamp()) - 301), str(int(NOW.timestamp())))
    with pytest.raises(BadSignature):
        read_event(RAW, moved, [NEW])


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"not json",
        b"{}",
        told("x", INTENT, object="charge"),
        told("x", INTENT, id=None),
        told("x", INTENT, id=12),
        told("x", INTENT, created="now"),
        told("x", INTENT, created=True),
        told("x", INTENT, data=None),
        told("", INTENT),
        b'{"a":' * 100_000,
    ],
)
def test_what_is_signed_but_no_event_is_refused_without_an_accident(raw: bytes) -> None:
    with pytest.raises(MalformedEvent) as refused:
        read_event(raw, signed(raw), [NEW])
    assert isinstance(refused.value, Refusal) and refused.value.status == 400


def read(kind: str, about: dict[str, Any]) -> StripeEvent:
    raw = told(kind, about)
    return read_event(raw, signed(raw), [NEW])


DISPUTE = {
    "object": "dispute",
    "id": "du_1",
    "created": CREATED - 5,
    "amount": 4861,
    "currency": "eur",
    "charge": "py_1",
    "payment_intent": "pi_1",
    "reason": "debit_not_authorized",
    "status": "needs_response",
}
REFUND = {
    "object": "refund",
    "id": "re_1",
    "created": CREATED - 7,
    "amount": 1000,
    "currency": "eur",
    "charge": "py_1",
    "payment_intent": "pi_1",
    "status": "pending",
    "reason": "requested_by_customer",
}


@pytest.mark.parametrize(
    ("kind", "about", "meaning"),
    [
        ("payment_intent.processing", INTENT, "processing"),
        ("payment_intent.succeeded", INTENT, "succeeded"),
        ("payment_intent.payment_failed", INTENT, "failed"),
        ("payment_intent.canceled", INTENT, "cancelled"),
        ("payment_intent.created", INTENT, None),
        ("charge.dispute.created", DISPUTE, None),
        ("charge.dispute.funds_withdrawn", DISPUTE, "withdrawn"),
        ("charge.dispute.closed", DISPUTE | {"status": "lost"}, "lost"),
        ("charge.dispute.closed", DISPUTE | {"status": "won"}, "won"),
        ("charge.dispute.closed", DISPUTE | {"status": "warning_closed"}, None),
        ("charge.dispute.funds_reinstated", DISPUTE, "reinstated"),
        ("refund.created", REFUND, "refundPending"),
        ("refund.updated", REFUND | {"status": "succeeded"}, "refundSucceeded"),
        ("charge.refund.updated", REFUND | {"status": "canceled"}, "refundFailed"),
        ("refund.failed", REFUND | {"status": "failed"}, "refundFailed"),
        ("an.event.of.next.year", {"object": "something_new", "id": "x"}, None),
        ("an.event.of.next.year", {"available": []}, None),
    ],
)
def test_each_kind_of_event_means_one_thing_for_a_payment(
    kind: str, about: dict[str, Any], meaning: str | None
) -> None:
    found = read(kind, about).payment_event()
    assert (found.kind.value if found else None) == meaning


def test_a_dispute_tells_of_which_payment_it_takes_how_much_since_when_and_why() -> None:
    event = read("charge.dispute.funds_withdrawn", DISPUTE)
    assert (event.dispute, event.charge, event.payment_intent) == ("du_1", "py_1", "pi_1")
    assert event.payment_event() == PaymentEvent(
        id="evt_1",
        kind=PaymentEventKind.WITHDRAWN,
        at=datetime(2026, 10, 1, 11, 59, 50, tzinfo=UTC),
        amount=4861,  # type: ignore[arg-type]
        currency="eur",
        subject="du_1",
        subject_at=datetime(2026, 10, 1, 11, 59, 45, tzinfo=UTC),
        reason="debit_not_authorized",
    )


def test_why_a_debit_failed_is_the_code_of_the_bank() -> None:
    error = {"code": "payment_intent_payment_attempt_failed", "decline_code": "insufficient_funds"}
    failed = INTENT | {"status": "requires_payment_method", "last_payment_error": error, "amount_received": 0}
    found = read("payment_intent.payment_failed", failed).payment_event()
    assert found is not None and (found.reason, found.amount) == ("insufficient_funds", 4861)


def test_a_mandate_is_told_by_the_setup_intent_with_its_account_and_our_loan() -> None:
    about = {
        "object": "setup_intent",
        "id": "seti_1",
        "created": CREATED,
        "customer": "cus_1",
        "mandate": "mandate_1",
        "payment_method": "pm_1",
        "status": "succeeded",
        "metadata": {"loan": "0198-b"},
    }
    event = read("setup_intent.succeeded", about)
    assert (event.setup_intent, event.mandate, event.payment_method, event.customer, event.loan) == (
        "seti_1",
        "mandate_1",
        "pm_1",
        "cus_1",
        "0198-b",
    )
    assert event.payment_event() is None


def test_what_was_received_counts_and_not_what_was_asked() -> None:
    found = read("payment_intent.succeeded", INTENT | {"amount_received": 4000}).payment_event()
    assert found is not None and found.amount == 4000


def test_a_page_tells_its_payment_and_total() -> None:
    about = {
        "object": "checkout.session",
        "id": "cs_1",
        "created": CREATED,
        "amount_total": 4861,
        "currency": "eur",
        "payment_intent": None,
        "payment_status": "unpaid",
        "status": "expired",
        "metadata": {"payment": "0198-a", "loan": "0198-b"},
    }
    event = read("checkout.session.expired", about)
    assert (event.session, event.amount, event.payment, event.payment_status) == ("cs_1", 4861, "0198-a", "unpaid")
    found = event.payment_event()
    assert found is not None and (found.kind, found.subject) == (PaymentEventKind.CANCELLED, None)


def test_hostile_values_in_a_signed_event_become_nothing() -> None:
    about = INTENT | {"amount": -1, "amount_received": 10**30, "currency": 5, "metadata": [], "customer": "c" * 300}
    event = read("payment_intent.succeeded", about)
    assert (event.amount, event.amount_received, event.currency, event.customer, event.payment) == (None,) * 5
