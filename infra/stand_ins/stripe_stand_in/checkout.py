"""The hosted pages: opened by the API, closed by what a person does on them."""

from __future__ import annotations

from stripe_stand_in import objects, payments
from stripe_stand_in.accounts import TEST_IBANS, compact
from stripe_stand_in.forms import Form
from stripe_stand_in.payments import Till
from stripe_stand_in.refusals import invalid, missing, wrong_state
from stripe_stand_in.store import Object

METHODS = ("sepa_debit", "ideal")
SESSION_ID = "{CHECKOUT_SESSION_ID}"


def open_session(till: Till, form: Form, public_url: str) -> Object:
    """Open a page for a mandate (`setup`) or for one payment (`payment`)."""
    mode = form.choice("mode", ("payment", "setup"))
    types = form.values("allowed_payment_method_types", METHODS if mode == "payment" else ("sepa_debit",))
    owner = form.text("customer")
    if owner is not None:
        till.find("customer", owner, param="customer")
    given = {
        "cancel_url": form.text("cancel_url"),
        "client_reference_id": form.text("client_reference_id"),
        "customer": owner,
        "metadata": form.metadata(),
        "success_url": form.needed("success_url"),
        "amount_total": _amount(form) if mode == "payment" else None,
        "currency": objects.CURRENCY,
    }
    about = form.inner(f"{'payment' if mode == 'payment' else 'setup'}_intent_data")
    metadata = about.metadata()
    about.done()
    form.done()
    if mode == "setup" and owner is None:
        raise missing("customer")
    made = objects.session(till.now, mode, types, public_url, **given)
    if mode == "setup":
        intent = objects.setup_intent(till.now, owner, metadata)
        made["setup_intent"] = intent["id"]
        till.tell("setup_intent.created", intent)
    till.change.put(made)
    till.change.end_at(made["id"], made["expires_at"])
    # Where the payment intent, which Stripe makes once somebody pays, finds its metadata.
    till.change.put({"id": f"later_{made['id']}", "object": "later", "metadata": metadata})
    return made


def _amount(form: Form) -> int:
    total = 0
    for item in form.items("line_items"):
        quantity = item.whole("quantity")
        price = item.inner("price_data")
        if price.needed("currency") != objects.CURRENCY:
            raise invalid("This stand-in takes euros only.", param=price.name("currency"))
        total += (price.whole("unit_amount") or 0) * (quantity or 0)
        product = price.inner("product_data")
        product.needed("name")
        for part in (product, price, item):
            part.done()
    return payments.check_amount(total, "line_items")


def expire(till: Till, session_id: str) -> Object:
    """Close a page on which nobody did anything."""
    made = _open(till, session_id)
    made["status"] = "expired"
    till.tell("checkout.session.expired", made)
    return made


def end_by_itself(till: Till, thing_id: str) -> None:
    """End what nobody ended before its time: a page that stayed open, a debit or a refund."""
    session = till.change.get("checkout.session", thing_id)
    if session is None:
        payments.end_by_itself(till, thing_id)
    elif session["status"] == "open":
        expire(till, thing_id)


def pay(till: Till, session_id: str, method: str, iban: str | None) -> str:
    """Pay or authorise; gives where the browser goes next."""
    made = _open(till, session_id)
    if method not in made["payment_method_types"]:
        raise invalid(f"Deze pagina kent geen {method}.", param="method")
    account = _account(iban) if method == "sepa_debit" else None
    way = objects.payment_method(till.now, method, account, made["customer"])
    mandate = objects.mandate(till.now, way) if method == "sepa_debit" else None
    till.change.put(way)
    if mandate is not None:
        till.tell("mandate.updated", mandate)
    if made["mode"] == "setup":
        _authorise(till, made, way, mandate)
    else:
        intent = payments.confirm(till, _intent(till, made), way, mandate["id"] if mandate else None)
        made |= {"payment_status": "paid" if intent["status"] == "succeeded" else "unpaid"}
    made["status"] = "complete"
    till.tell("checkout.session.completed", made)
    return str(made["success_url"]).replace(SESSION_ID, made["id"])


def fail(till: Till, session_id: str, method: str) -> None:
    """A try that fails; the page stays open for another."""
    made = _open(till, session_id)
    if made["mode"] == "setup":
        intent = till.find("setup_intent", made["setup_intent"])
        intent["last_setup_error"] = {"type": "card_error", "code": "setup_intent_authentication_failure"}
        till.tell("setup_intent.setup_failed", intent)
        return
    intent = _intent(till, made)
    way = objects.payment_method(till.now, method, next(iter(TEST_IBANS)), made["customer"])
    charge = objects.charge(till.now, intent, way, None)
    till.change.put(way)
    till.change.put(charge)
    intent |= {"status": "processing", "latest_charge": charge["id"]}
    till.change.put(intent)
    payments.fail(till, intent["id"], "generic_decline")


def cancelled(till: Till, session_id: str) -> str:
    """Go back without doing anything: the page stays open, as it does at Stripe."""
    made = till.find("checkout.session", session_id)
    return str(made["cancel_url"] or made["success_url"])


def _open(till: Till, session_id: str) -> Object:
    made = till.find("checkout.session", session_id)
    if made["status"] != "open":
        raise wrong_state("Checkout Session", made["status"])
    return made


def _authorise(till: Till, made: Object, way: Object, mandate: Object | None) -> None:
    intent = till.find("setup_intent", made["setup_intent"])
    intent |= {
        "status": "succeeded",
        "payment_method": way["id"],
        "mandate": mandate["id"] if mandate else None,
        "last_setup_error": None,
    }
    till.tell("payment_method.attached", way)
    till.tell("setup_intent.succeeded", intent)


def _intent(till: Till, made: Object) -> Object:
    if made["payment_intent"] is not None:
        return till.find("payment_intent", made["payment_intent"])
    metadata = till.find("later", f"later_{made['id']}")["metadata"]
    types = made["payment_method_types"]
    intent = payments.create_intent(till, made["amount_total"], made["customer"], types, metadata)
    made["payment_intent"] = intent["id"]
    till.change.put(made)
    return intent


def _account(iban: str | None) -> str:
    account = compact(iban or "")
    if account not in TEST_IBANS:
        raise invalid(
            "Dit is een nagemaakte betaalpagina: alleen een test-IBAN kan hier.", code="invalid_bank_account_iban"
        )
    return account
