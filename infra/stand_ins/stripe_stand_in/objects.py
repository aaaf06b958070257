"""The objects as Stripe shapes them in API version 2026-10-28, with what callers of ours could look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stripe_stand_in.accounts import compact
from stripe_stand_in.store import Object, new_id

API_VERSION = "2026-10-28.endive"
CURRENCY = "eur"


def customer(now: int, metadata: Mapping[str, str]) -> Object:
    """Somebody under whom ways to pay are kept; their name is not asked and not kept."""
    return _object("customer", "cus", now, metadata) | {
        "address": None,
        "balance": 0,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": None,
        "name": None,
        "phone": None,
    }


def payment_method(now: int, kind: str, iban: str | None, owner: str | None) -> Object:
    """A way to pay; of an IBAN only the country, the bank and the last four signs are kept."""
    found = _object("payment_method", "pm", now) | {
        "type": kind,
        "customer": owner,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None},
    }
    if kind == "sepa_debit" and iban is not None:
        account = compact(iban)
        found["sepa_debit"] = {
            "bank_code": account[4:8] if account.startswith("NL") else account[4:12],
            "branch_code": "",
            "country": account[:2],
            "fingerprint": None,
            "generated_from": {"charge": None, "setup_attempt": None},
            "last4": account[-4:],
        }
    else:
        found["ideal"] = {"bank": "ing", "bic": "INGBNL2A"}
    return found


def mandate(now: int, method: Object) -> Object:
    """The leave to debit one account."""
    found = _object("mandate", "mandate", now) | {
        "customer_acceptance": {"accepted_at": now, "type": "online"},
        "multi_use": {},
        "payment_method": method["id"],
        "payment_method_details": {"type": "sepa_debit", "sepa_debit": {"reference": "STANDIN", "url": ""}},
        "status": "active",
        "type": "multi_use",
    }
    del found["metadata"], found["created"]
    return found


def setup_intent(now: int, owner: str | None, metadata: Mapping[str, str]) -> Object:
    """The wish to have a mandate."""
    return _object("setup_intent", "seti", now, metadata) | {
        "customer": owner,
        "last_setup_error": None,
        "latest_attempt": None,
        "mandate": None,
        "payment_method": None,
        "payment_method_types": ["sepa_debit"],
        "status": "requires_payment_method",
        "usage": "off_session",
    }


def payment_intent(
    now: int, amount: int, owner: str | None, types: Sequence[str], metadata: Mapping[str, str]
) -> Object:
    """The wish to receive an amount once."""
    return _object("payment_intent", "pi", now, metadata) | {
        "allowed_payment_method_types": list(types),
        "amount": amount,
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "confirmation_method": "automatic",
        "currency": CURRENCY,
        "customer": owner,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "next_action": None,
        "payment_method": None,
        "payment_method_types": list(types),
        "processing": None,
        "setup_future_usage": None,
        "status": "requires_payment_method",
    }


def charge(now: int, intent: Object, method: Object, mandate_id: str | None) -> Object:
    """One try to receive what a payment intent asks."""
    details = {"type": method["type"], method["type"]: dict(method[method["type"]])}
    if method["type"] == "sepa_debit":
        details["sepa_debit"] |= {"mandate": mandate_id}
    return _object("charge", "py", now, intent["metadata"]) | {
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "captured": True,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "disputed": False,
        "failure_code": None,
        "failure_message": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": details,
        "refunded": False,
        "status": "pending",
    }


def refund(now: int, of: Object, amount: int, reason: str | None, metadata: Mapping[str, str]) -> Object:
    """Money on its way back to the account that it came from."""
    found = _object("refund", "pyr", now, metadata) | {
        "amount": amount,
        "charge": of["id"],
        "currency": of["currency"],
        "customer": of["customer"],
        "destination_details": None,
        "failure_reason": None,
        "payment_intent": of["payment_intent"],
        "reason": reason,
        "status": "pending",
    }
    del found["livemode"]
    return found


def dispute(now: int, of: Object, reason: str) -> Object:
    """A debit that the payer or the payer's bank takes back."""
    return _object("dispute", "du", now) | {
        "amount": of["amount"],
        "balance_transactions": [],
        "charge": of["id"],
        "currency": of["currency"],
        "evidence": {},
        "evidence_details": {"due_by": None, "has_evidence": False, "past_due": False, "submission_count": 0},
        "is_charge_refundable": False,
        "network_reason_code": None,
        "payment_intent": of["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }


def session(now: int, mode: str, types: Sequence[str], public_url: str, **given: Any) -> Object:
    """A hosted page, open for a day."""
    found = _object("checkout.session", "cs_test", now, given.pop("metadata")) | {
        "allowed_payment_method_types": list(types),
        "amount_subtotal": given["amount_total"],
        "expires_at": now + 24 * 3600,
        "locale": "nl",
        "mode": mode,
        "payment_intent": None,
        "payment_method_types": list(types),
        "payment_status": "unpaid" if mode == "payment" else "no_payment_required",
        "setup_intent": None,
        "status": "open",
        "ui_mode": "hosted_page",
        **given,
    }
    found["url"] = f"{public_url}/checkout/{found['id']}"
    return found


def event(now: int, kind: str, about: Object, request_id: str | None, key: str | None) -> Object:
    """What is told of a change: the object as it then was."""
    found = _object("event", "evt", now) | {
        "account": None,
        "api_version": API_VERSION,
        "data": {"object": about},
        "pending_webhooks": 0,
        "request": {"id": request_id, "idempotency_key": key},
        "type": kind,
    }
    del found["metadata"]
    return found


def balance(available: int, pending: int) -> Object:
    """What is kept for us at Stripe."""
    return {
        "object": "balance",
        "available": [{"amount": available, "currency": CURRENCY, "source_types": {"bank_account": available}}],
        "pending": [{"amount": pending, "currency": CURRENCY, "source_types": {"bank_account": pending}}],
        "livemode": False,
    }


def _object(kind: str, prefix: str, now: int, metadata: Mapping[str, str] | None = None) -> Object:
    return {
        "id": new_id(prefix),
        "object": kind,
        "created": now,
        "livemode": False,
        "metadata": dict(metadata or {}),
    }
