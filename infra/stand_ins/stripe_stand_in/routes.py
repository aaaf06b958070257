"""The API as Stripe has it, for the parts that collecting repayments needs."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from stripe_stand_in import checkout, objects, payments
from stripe_stand_in.accounts import TEST_IBANS, compact
from stripe_stand_in.forms import Form
from stripe_stand_in.payments import Till
from stripe_stand_in.refusals import invalid, missing, no_such
from stripe_stand_in.requests import Counter
from stripe_stand_in.store import Object

LISTS = {
    "customers": ("customer", ()),
    "payment_methods": ("payment_method", ("customer", "type")),
    "payment_intents": ("payment_intent", ("customer",)),
    "setup_intents": ("setup_intent", ("customer", "payment_method")),
    "charges": ("charge", ("customer", "payment_intent")),
    "refunds": ("refund", ("charge", "payment_intent")),
    "disputes": ("dispute", ("charge", "payment_intent")),
    "events": ("event", ("type",)),
    "checkout/sessions": ("checkout.session", ("customer", "payment_intent", "status")),
    "mandates": ("mandate", ()),
}
"""What can be listed and retrieved: the path, the kind of object and the fields to filter by."""
MOST = 100
USUALLY = 10


def create_customer(till: Till, form: Form) -> Object:
    """A customer without a name: a parameter that would tell who it is, is unknown here."""
    made = objects.customer(till.now, form.metadata())
    form.done()
    till.tell("customer.created", made)
    return made


def create_payment_method(till: Till, form: Form) -> Object:
    """An account to debit, or iDEAL."""
    kind = form.choice("type", checkout.METHODS)
    iban = form.inner("sepa_debit").needed("iban") if kind == "sepa_debit" else None
    # Stripe asks for a name and an e-mail address; they are read and forgotten.
    form.inner("billing_details")
    form.inner("ideal")
    form.done()
    if iban is not None and compact(iban) not in TEST_IBANS:
        raise invalid("Only test IBANs can be used here.", code="invalid_bank_account_iban", param="sepa_debit[iban]")
    made = objects.payment_method(till.now, kind, iban, None)
    till.change.put(made)
    return made


def attach_payment_method(till: Till, form: Form, method_id: str) -> Object:
    """Keep a way to pay under a customer."""
    method = till.find("payment_method", method_id)
    owner = till.find("customer", form.needed("customer"), param="customer")
    form.done()
    method["customer"] = owner["id"]
    till.tell("payment_method.attached", method)
    return method


def create_setup_intent(till: Till, form: Form) -> Object:
    """Ask for a mandate; with `confirm` and `mandate_data` it is given at once."""
    owner, method_id, confirm = form.text("customer"), form.text("payment_method"), form.flag("confirm")
    form.values("allowed_payment_method_types", ("sepa_debit",))
    accepted = form.inner("mandate_data").inner("customer_acceptance").text("type")
    form.text("usage")
    made = objects.setup_intent(till.now, owner, form.metadata())
    form.done()
    till.tell("setup_intent.created", made)
    if not confirm:
        return made
    if method_id is None or accepted is None:
        raise missing("payment_method" if method_id is None else "mandate_data")
    method = till.find("payment_method", method_id, param="payment_method")
    mandate = objects.mandate(till.now, method)
    method["customer"] = owner
    made |= {"status": "succeeded", "payment_method": method["id"], "mandate": mandate["id"]}
    till.tell("mandate.updated", mandate)
    till.tell("payment_method.attached", method)
    till.tell("setup_intent.succeeded", made)
    return made


def create_payment_intent(till: Till, form: Form) -> Object:
    """Ask for an amount; with `confirm` it is tried at once."""
    amount = payments.check_amount(form.whole("amount"), "amount")
    if form.needed("currency") != objects.CURRENCY:
        raise invalid("This stand-in takes euros only.", param="currency")
    types = form.values("allowed_payment_method_types", checkout.METHODS)
    owner, method_id, mandate_id = form.text("customer"), form.text("payment_method"), form.text("mandate")
    confirm, off_session, metadata = form.flag("confirm"), form.flag("off_session"), form.metadata()
    form.done()
    if owner is not None:
        till.find("customer", owner, param="customer")
    if (off_session or mandate_id) and not confirm:
        raise invalid("off_session and mandate can only be used with confirm=true.", param="off_session")
    intent = payments.create_intent(till, amount, owner, types, metadata)
    return _confirm(till, intent, method_id, mandate_id) if confirm else intent


def confirm_payment_intent(till: Till, form: Form, intent_id: str) -> Object:
    """Try to receive what was asked for earlier."""
    intent = till.find("payment_intent", intent_id)
    method_id, mandate_id = form.text("payment_method"), form.text("mandate")
    form.flag("off_session")
    form.done()
    return _confirm(till, intent, method_id, mandate_id)


def _confirm(till: Till, intent: Object, method_id: str | None, mandate_id: str | None) -> Object:
    if method_id is None:
        raise missing("payment_method")
    method = till.find("payment_method", method_id, param="payment_method")
    if method["customer"] != intent["customer"]:
        raise invalid(
            f"The payment method {method_id} does not belong to the customer of this payment.", param="payment_method"
        )
    if mandate_id is not None:
        mandate = till.find("mandate", mandate_id, param="mandate")
        if mandate["status"] != "active" or mandate["payment_method"] != method_id:
            raise invalid("The mandate is not one for this payment method.", code="payment_intent_mandate_invalid")
    return payments.confirm(till, intent, method, mandate_id)


def cancel_payment_intent(till: Till, form: Form, intent_id: str) -> Object:
    """Give up a payment."""
    form.text("cancellation_reason")
    form.done()
    return payments.cancel(till, intent_id)


def create_refund(till: Till, form: Form) -> Object:
    """Give (part of) a payment back."""
    intent_id, charge_id, amount = form.text("payment_intent"), form.text("charge"), form.whole("amount")
    reason, metadata = form.text("reason"), form.metadata()
    form.done()
    if intent_id is not None:
        charge_id = till.find("payment_intent", intent_id, param="payment_intent")["latest_charge"]
    if charge_id is None:
        raise missing("charge")
    return payments.refund(till, till.find("charge", charge_id, param="charge"), amount, reason, metadata)


def expire_session(till: Till, form: Form, session_id: str) -> Object:
    """Close a hosted page."""
    form.done()
    return checkout.expire(till, session_id)


MADE_ANEW: dict[str, Callable[[Till, Form], Object]] = {
    "customers": create_customer,
    "payment_methods": create_payment_method,
    "setup_intents": create_setup_intent,
    "payment_intents": create_payment_intent,
    "refunds": create_refund,
}
DONE_TO_ONE: dict[str, Callable[[Till, Form, str], Object]] = {
    "payment_methods/{thing_id}/attach": attach_payment_method,
    "payment_intents/{thing_id}/confirm": confirm_payment_intent,
    "payment_intents/{thing_id}/cancel": cancel_payment_intent,
    "checkout/sessions/{thing_id}/expire": expire_session,
}


def stripe_routes(counter: Counter) -> APIRouter:
    """Give the routes under /v1."""
    router = APIRouter(prefix="/v1")
    for path, make in MADE_ANEW.items():
        _add_making(router, counter, path, make)
    for path, do in DONE_TO_ONE.items():
        _add_doing(router, counter, path, do)
    for path, (kind, filters) in LISTS.items():
        _add_reading(router, counter, path, kind, filters)

    @router.post("/checkout/sessions")
    async def post_session(request: Request) -> Response:
        public_url = counter.settings.stripe_public_url.rstrip("/")
        return await counter.change(request, lambda till, form: checkout.open_session(till, form, public_url))

    @router.get("/balance")
    def get_balance(request: Request) -> JSONResponse:
        counter.check_caller(request)
        with counter.store.change() as change:
            return JSONResponse(payments.balance(counter.till(change)))

    return router


def _add_making(router: APIRouter, counter: Counter, path: str, make: Callable[[Till, Form], Object]) -> None:
    @router.post(f"/{path}")
    async def post(request: Request) -> Response:
        return await counter.change(request, make)


def _add_doing(router: APIRouter, counter: Counter, path: str, do: Callable[[Till, Form, str], Object]) -> None:
    @router.post(f"/{path}")
    async def post(request: Request, thing_id: str) -> Response:
        return await counter.change(request, lambda till, form: do(till, form, thing_id))


def _add_reading(router: APIRouter, counter: Counter, path: str, kind: str, filters: tuple[str, ...]) -> None:
    @router.get(f"/{path}")
    def get_list(request: Request) -> JSONResponse:
        counter.check_caller(request)
        form = Form(dict(request.query_params))
        limit, after = form.whole("limit") or USUALLY, form.text("starting_after")
        wanted = {name: value for name in filters if (value := form.text(name)) is not None}
        form.done()
        if not 1 <= limit <= MOST:
            raise invalid(f"This value must be between 1 and {MOST}.", param="limit")
        with counter.store.change() as change:
            before = change.number(kind, after) if after else None
            if after and before is None:
                raise no_such(kind, after, param="starting_after", status=400)
            found = [one for one, _ in zip(change.all(kind, wanted, before), range(limit + 1), strict=False)]
        more = len(found) > limit
        return JSONResponse({"object": "list", "url": f"/v1/{path}", "has_more": more, "data": found[:limit]})

    @router.get(f"/{path}/{{thing_id}}")
    def get_one(request: Request, thing_id: str) -> JSONResponse:
        counter.check_caller(request)
        with counter.store.change() as change:
            return JSONResponse(counter.till(change).find(kind, thing_id))
