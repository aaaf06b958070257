"""What happens to payments: tried, received, failed, refunded, taken back, won again; each change tells its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stripe_stand_in import objects
from stripe_stand_in.accounts import Fate, fate_of
from stripe_stand_in.refusals import invalid, no_such, wrong_state
from stripe_stand_in.store import Change, Object

SMALLEST = 50
LARGEST = 99_999_999
FAILURES = {
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "debit_not_authorized": "The customer has notified their bank that this payment was unauthorized.",
    "bank_account_restricted": "The customer's account is restricted.",
    "account_closed": "The customer's bank account has been closed.",
    "generic_decline": "The customer's bank refused the payment.",
}
DISPUTE_REASONS = frozenset(
    {
        "insufficient_funds",
        "debit_not_authorized",
        "incorrect_account_details",
        "bank_cannot_process",
        "customer_initiated",
    }
)


@dataclass(frozen=True, slots=True)
class Till:
    """One transaction at the stand-in: what it changes, at which moment, and who is told."""

    change: Change
    now: int
    urls: tuple[str, ...] = ()
    settles_after_s: float | None = None
    request_id: str | None = None
    key: str | None = None

    def tell(self, kind: str, about: Object) -> None:
        """Keep an object as it is now, and the event that says so."""
        self.change.put(about)
        event = objects.event(self.now, kind, about, self.request_id, self.key)
        self.change.announce(event | {"pending_webhooks": len(self.urls)}, self.urls, self.now)

    def find(self, kind: str, thing_id: str, *, param: str | None = None) -> Object:
        """Give an object, or refuse as Stripe does: 404 for the address, 400 for a parameter."""
        found = self.change.get(kind, thing_id)
        if found is None:
            raise no_such(kind, thing_id, param=param or "id", status=400 if param else 404)
        return found


def check_amount(amount: int | None, param: str) -> int:
    """Refuse what Stripe refuses: under fifty cents, or above eight digits."""
    if amount is None or amount < 1:
        raise invalid("This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=param)
    if amount < SMALLEST:
        raise invalid("The amount must be at least €0.50 eur", code="amount_too_small", param=param)
    if amount > LARGEST:
        raise invalid("The amount must be no more than €999,999.99", code="amount_too_large", param=param)
    return amount


def create_intent(
    till: Till, amount: int, owner: str | None, types: Sequence[str], metadata: Mapping[str, str]
) -> Object:
    """Ask for an amount; nothing is tried yet."""
    intent = objects.payment_intent(till.now, amount, owner, types, metadata)
    till.tell("payment_intent.created", intent)
    return intent


def confirm(till: Till, intent: Object, method: Object, mandate_id: str | None) -> Object:
    """Try to receive it: iDEAL comes at once, a debit takes days."""
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise wrong_state("PaymentIntent", intent["status"], code="payment_intent_unexpected_state")
    if method["type"] not in intent["payment_method_types"]:
        raise invalid(f"The payment method type {method['type']} is not allowed here.", param="payment_method")
    charge = objects.charge(till.now, intent, method, mandate_id)
    intent |= {
        "payment_method": method["id"],
        "latest_charge": charge["id"],
        "status": "processing",
        "last_payment_error": None,
    }
    till.change.put(charge)
    if method["type"] == "sepa_debit":
        till.tell("payment_intent.processing", intent)
        till.tell("charge.pending", charge)
        _ends_by_itself(till, intent["id"])
        return intent
    till.change.put(intent)
    return succeed(till, intent["id"])


def settle(till: Till, intent_id: str) -> Object:
    """Let a debit end as its account has it: most are paid, some fail, some are taken back at once."""
    intent = _processing(till, intent_id)
    charge = till.find("charge", intent["latest_charge"])
    account = charge["payment_method_details"].get("sepa_debit") or {}
    fate = fate_of(account.get("last4"))
    if fate is Fate.FAILS:
        return fail(till, intent_id, "insufficient_funds")
    intent = succeed(till, intent_id)
    if fate is Fate.BOUNCES:
        bounce(till, charge["id"], "debit_not_authorized", leave_open=False)
    return intent


def succeed(till: Till, intent_id: str) -> Object:
    """The money has arrived."""
    intent = _processing(till, intent_id)
    charge = till.find("charge", intent["latest_charge"])
    charge |= {"status": "succeeded", "paid": True, "amount_captured": charge["amount"]}
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    till.tell("charge.succeeded", charge)
    till.tell("payment_intent.succeeded", intent)
    _tell_session(till, intent, "async_payment_succeeded", "paid")
    return intent


def fail(till: Till, intent_id: str, code: str) -> Object:
    """The bank refused; with the same payment intent it can be tried again."""
    intent = _processing(till, intent_id)
    if code not in FAILURES:
        raise invalid(f"Unknown failure {code}; one of {', '.join(sorted(FAILURES))}", param="reason")
    charge = till.find("charge", intent["latest_charge"])
    charge |= {"status": "failed", "failure_code": code, "failure_message": FAILURES[code]}
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "last_payment_error": {
            "type": "card_error",
            "code": "payment_intent_payment_attempt_failed",
            "decline_code": code,
            "message": FAILURES[code],
            "charge": charge["id"],
        },
    }
    till.tell("charge.failed", charge)
    till.tell("payment_intent.payment_failed", intent)
    _tell_session(till, intent, "async_payment_failed", "unpaid")
    return intent


def cancel(till: Till, intent_id: str) -> Object:
    """Give up a payment that was not received and is not on its way."""
    intent = till.find("payment_intent", intent_id)
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise wrong_state("PaymentIntent", intent["status"], code="payment_intent_unexpected_state")
    intent |= {"status": "canceled", "canceled_at": till.now, "cancellation_reason": "requested_by_customer"}
    till.tell("payment_intent.canceled", intent)
    return intent


def refund(till: Till, charge: Object, amount: int | None, reason: str | None, metadata: Mapping[str, str]) -> Object:
    """Send (part of) it back; it is on its way until it ends."""
    if charge["status"] != "succeeded":
        raise invalid("This charge was not received, so nothing of it can be refunded.", code="charge_not_refundable")
    if charge["disputed"]:
        raise invalid(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    left = charge["amount"] - charge["amount_refunded"]
    wanted = left if amount is None else amount
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if not 1 <= wanted <= left:
        raise invalid(
            f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})",
            code="amount_too_large" if wanted > left else "parameter_invalid_integer",
            param="amount",
        )
    made = objects.refund(till.now, charge, wanted, reason, metadata)
    charge["amount_refunded"] += wanted
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    till.tell("refund.created", made)
    till.tell("charge.refunded", charge)
    _ends_by_itself(till, made["id"])
    return made


def settle_refund(till: Till, refund_id: str) -> Object:
    """The refund has arrived."""
    made = till.find("refund", refund_id)
    if made["status"] != "pending":
        raise wrong_state("refund", made["status"])
    made |= {"status": "succeeded"}
    till.tell("refund.updated", made)
    till.tell("charge.refund.updated", made)
    return made


def fail_refund(till: Till, refund_id: str) -> Object:
    """The refund could not be delivered, even after it seemed to have arrived: the money is ours again."""
    made = till.find("refund", refund_id)
    if made["status"] not in ("pending", "succeeded"):
        raise wrong_state("refund", made["status"])
    charge = till.find("charge", made["charge"])
    made |= {"status": "failed", "failure_reason": "unknown"}
    charge["amount_refunded"] -= made["amount"]
    charge["refunded"] = False
    till.change.put(charge)
    till.tell("refund.failed", made)
    till.tell("charge.refund.updated", made)
    return made


def bounce(till: Till, charge_id: str, reason: str, *, leave_open: bool) -> Object:
    """The payer or the payer's bank takes a debit back; with SEPA that is lost at once, unless it is left open."""
    charge = till.find("charge", charge_id)
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise wrong_state("charge", "disputed" if charge["disputed"] else charge["status"])
    if charge["payment_method_details"]["type"] != "sepa_debit":
        raise invalid("Only a debit can be taken back; iDEAL is final.", param="charge")
    if reason not in DISPUTE_REASONS:
        raise invalid(f"Unknown reason {reason}; one of {', '.join(sorted(DISPUTE_REASONS))}", param="reason")
    made = objects.dispute(till.now, charge, reason)
    till.change.put(charge | {"disputed": True})
    till.tell("charge.dispute.created", made)
    made["balance_transactions"] = [_moved(till, -made["amount"])]
    till.tell("charge.dispute.funds_withdrawn", made)
    if not leave_open:
        made["status"] = "lost"
        till.tell("charge.dispute.closed", made)
    return made


def win(till: Till, charge_id: str) -> Object:
    """The dispute ends for us after all: the money comes back."""
    made = _dispute_of(till, charge_id, ("needs_response", "lost"))
    made["status"] = "won"
    made["balance_transactions"] = [*made["balance_transactions"], _moved(till, made["amount"])]
    till.tell("charge.dispute.funds_reinstated", made)
    till.tell("charge.dispute.closed", made)
    return made


def lose(till: Till, charge_id: str) -> Object:
    """An open dispute ends against us."""
    made = _dispute_of(till, charge_id, ("needs_response",))
    made["status"] = "lost"
    till.tell("charge.dispute.closed", made)
    return made


def end_by_itself(till: Till, thing_id: str) -> None:
    """End a debit or refund whose time has come, if nobody did so before."""
    intent = till.change.get("payment_intent", thing_id)
    if intent is not None and intent["status"] == "processing":
        settle(till, thing_id)
    refunded = till.change.get("refund", thing_id)
    if refunded is not None and refunded["status"] == "pending":
        settle_refund(till, thing_id)


def balance(till: Till) -> Object:
    """Add up what was received, given back and taken back."""
    charges = list(till.change.all("charge"))
    received = sum(one["amount"] for one in charges if one["status"] == "succeeded")
    refunded = sum(one["amount_refunded"] for one in charges)
    moved = [part["amount"] for one in till.change.all("dispute") for part in one["balance_transactions"]]
    pending = sum(one["amount"] for one in charges if one["status"] == "pending")
    return objects.balance(received - refunded + sum(moved), pending)


def _ends_by_itself(till: Till, thing_id: str) -> None:
    if till.settles_after_s is not None:
        till.change.end_at(thing_id, till.now + till.settles_after_s)


def _processing(till: Till, intent_id: str) -> Object:
    intent = till.find("payment_intent", intent_id)
    if intent["status"] != "processing":
        raise wrong_state("PaymentIntent", intent["status"], code="payment_intent_unexpected_state")
    return intent


def _dispute_of(till: Till, charge_id: str, states: Sequence[str]) -> Object:
    till.find("charge", charge_id)
    made = next(till.change.all("dispute", {"charge": charge_id}), None)
    if made is None:
        raise no_such("dispute", charge_id)
    if made["status"] not in states:
        raise wrong_state("dispute", made["status"])
    return made


def _tell_session(till: Till, intent: Object, what: str, payment_status: str) -> None:
    """Tell the end of a payment that was begun on a hosted page; one that came at once is told when it closes."""
    for session in till.change.all("checkout.session", {"payment_intent": intent["id"]}):
        if session["status"] == "complete":
            session["payment_status"] = payment_status
            till.tell(f"checkout.session.{what}", session)


def _moved(till: Till, amount: int) -> dict[str, Any]:
    return {"object": "balance_transaction", "amount": amount, "currency": objects.CURRENCY, "created": till.now}
