"""SK-12: events of Stripe that are forged, late, twice or out of order, and crashes between Stripe and our own rows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from random import Random
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from foundation.access import Caller, Role
from foundation.identifiers import new_id
from foundation.outbox import DeliveryFailed, Handler, Leased
from sociaal_krediet import tasks
from sociaal_krediet.actions import collecting
from sociaal_krediet.actions.messages import REFUND_PAYMENT
from sociaal_krediet.app import make_api
from sociaal_krediet.collecting import HostedPage
from sociaal_krediet.collecting.events import read_event
from sociaal_krediet.collecting.stripe_api import StripeApi
from sociaal_krediet.queries import collecting as queries
from sociaal_krediet.queries import loans
from tests.integration.sociaal_krediet.collecting_house import EVENTS, PAID, Till, dispute, event, intent, signature
from tests.integration.sociaal_krediet.lending_town import NAME, Town
from tests.support.stripe import KEY, SECRETS

ORDERS = 30
HELPER = Caller("hanna", frozenset({Role.HELPER}))


def rows(town: Town, statement: str, **values: Any) -> list[Any]:
    with town.database.reading() as db:
        return [tuple(row) for row in db.execute(text(statement), values)]


def kept(town: Town) -> list[Any]:
    return rows(town, "SELECT id, state, problem FROM sociaal_krediet.stripe_event ORDER BY received_at")


def ask_for_payment(town: Town, loan: str, amount: int) -> str:
    """Write a payment down as the page of Stripe leaves it; gives its id."""
    payment = new_id()

    def act(db: Any) -> None:
        found = loans.find(db, UUID(loan))
        assert found is not None
        collecting.keep_payment(db, payment, found, amount, HostedPage(f"cs_{payment}", ""), HELPER)

    town.database.run(act)
    return str(payment)


def tell(town: Town, raw: bytes) -> None:
    """Keep an event, and work through all that waits."""
    told = read_event(raw, signature(raw), SECRETS)
    town.database.run(lambda db: queries.keep_event(db, told))
    tasks.handle_events(town.database, lambda: True)


def lent_without_a_word(town: Town, holder: str) -> str:
    """Lend 10.00 for a month, and leave what follows to the workers; gives the loan's id."""
    body = {"outcome": "loan", "reason": "De nood is acuut.", "product": "leenbijstand"}
    application = town.apply(holder, amount=1_000, months=1)
    loan: str = town.officer.post(f"/applications/{application}/decisions", json=body).json()["loanId"]
    return loan


def life_of(payment: str, begun: int) -> list[bytes]:
    """A debit that is received and bounces, with a receipt that is told twice."""
    about, name = intent(f"pi_{payment}", payment, 1_000), f"evt_{payment}"
    taken = {status: dispute(f"du_{payment}", about["id"], 1_000, status, begun + 200) for status in ("open", "lost")}
    received = event(f"{name}_2", "payment_intent.succeeded", about, begun + 100)
    return [
        event(f"{name}_1", "payment_intent.processing", about, begun),
        received,
        event(f"{name}_3", "charge.dispute.created", taken["open"], begun + 200),
        event(f"{name}_4", "charge.dispute.funds_withdrawn", taken["open"], begun + 201),
        event(f"{name}_5", "charge.dispute.closed", taken["lost"], begun + 202),
        received,
    ]


def test_events_in_any_order_leave_the_same_loan_facts_and_ledger(till: Till) -> None:
    town, begun = till.town, int(time.time()) - 1_000
    holder = town.holder()
    orders = Random(12).sample(list(permutations(range(6))), ORDERS)
    made = [lent_without_a_word(town, holder) for _ in orders]
    town.on("2026-10-01")
    for order, loan in zip(orders, made, strict=True):
        payment = ask_for_payment(town, loan, 1_000)
        life = life_of(payment, begun)
        for index in order:
            tell(town, life[index])
    town.settle()

    ends = set()
    for loan in made:
        shown = town.get(f"/loans/{loan}")
        facts = town.get(f"/loans/{loan}/events")["items"]
        told = sorted((one["kind"], one["amount"], one["effectiveOn"], one["reason"]) for one in facts)
        instalments = tuple((one["amount"], one["paid"]) for one in shown["instalments"])
        ends.add((shown["outstanding"], shown["state"], instalments, till.payments(loan)[0][2], tuple(told)))
    [(outstanding, state, instalments, payment_state, told)] = ends
    assert (outstanding, state, instalments, payment_state) == (1_000, "active", ((1_000, 0),), "bounced")
    assert [(kind, amount, reason) for kind, amount, _, reason in told] == [
        ("bounce", 1_000, "insufficient_funds"),
        ("receipt", 1_000, None),
    ]
    balances = town.balances()
    assert (balances.get("bank:stripe", 0), balances["lent"]) == (0, ORDERS * 1_000)
    town.assert_agrees()


def test_workers_that_handle_events_of_one_payment_at_once_agree(till: Till) -> None:
    town, begun = till.town, int(time.time()) - 1_000
    holder = town.holder()
    made = [lent_without_a_word(town, holder) for _ in range(6)]
    town.on("2026-10-01")
    for loan in made:
        payment = ask_for_payment(town, loan, 1_000)
        won = dispute(f"du_{payment}", f"pi_{payment}", 1_000, "won", begun + 200)
        told = [
            *life_of(payment, begun)[:4],
            event(f"w_{payment}", "charge.dispute.funds_reinstated", won, begun + 300),
        ]
        for raw in told:
            assert till.post(raw, signature(raw)).status_code == 200
    with ThreadPoolExecutor(4) as workers:
        for done in [workers.submit(tasks.handle_events, town.database, lambda: True) for _ in range(4)]:
            done.result()
    town.settle()

    assert {state for _, state, _ in kept(town)} == {"handled"}
    for loan in made:
        assert (town.get(f"/loans/{loan}")["state"], till.payments(loan)[0][2]) == ("repaid", "succeeded")
        facts = [one["kind"] for one in town.get(f"/loans/{loan}/events")["items"]]
        assert sorted(facts) == ["bounce", "receipt", "reinstated"]
    assert town.balances()["bank:stripe"] == -6_000
    town.assert_agrees()


def test_what_is_forged_stale_or_altered_changes_nothing_and_what_is_repeated_counts_once(till: Till) -> None:
    town, loan = till.town, till.town.loan(amount=10_000, months=1)
    payment = ask_for_payment(town, loan, 6_000)
    raw = event("evt_1", "payment_intent.succeeded", intent("pi_1", payment, 6_000))
    good = signature(raw)
    refused = [
        till.post(raw, signature(raw, ["whsec_other"])),
        till.post(raw, ""),
        till.post(raw, signature(raw, at=time.time() - 301)),
        till.post(raw.replace(b'"amount_received": 6000', b'"amount_received": 9000'), good),
        till.post(raw + b" ", good),
    ]
    codes = [(answer.status_code, answer.json()["errors"][0]["code"]) for answer in refused]
    bad = (400, "badSignature")
    assert codes == [bad, bad, (400, "staleSignature"), bad, bad]
    live = till.door_that_is_live()
    answer = httpx.post(live.url + EVENTS, content=raw, headers={"Stripe-Signature": good})
    live.stop()
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "testEvent")
    assert kept(town) == []

    # Both secrets are good while one takes the place of the other, and the second time is no news.
    first, second = till.post(raw, signature(raw, SECRETS[:1])), till.post(raw, signature(raw, SECRETS[1:]))
    assert (first.json(), second.json()) == ({"id": "evt_1", "repeated": False}, {"id": "evt_1", "repeated": True})
    town.settle()
    assert kept(town) == [("evt_1", "handled", None)]
    assert town.get(f"/loans/{loan}")["outstanding"] == 4_000


def test_what_is_odd_about_an_event_is_named_and_what_is_nobodys_waits_and_is_let_go(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, loan = till.town, till.town.loan(amount=10_000, months=1)
    payment = ask_for_payment(town, loan, 6_000)
    tell(town, event("evt_usd", "payment_intent.succeeded", intent("pi_1", payment, 6_000, currency="usd")))
    tell(town, event("evt_none", "payment_intent.succeeded", intent("pi_1", payment, 0)))
    assert town.get(f"/loans/{loan}")["outstanding"] == 10_000
    tell(town, event("evt_less", "payment_intent.succeeded", intent("pi_1", payment, 5_000)))
    assert town.get(f"/loans/{loan}")["outstanding"] == 5_000
    assert kept(town) == [
        ("evt_usd", "handled", "wrongCurrency"),
        ("evt_none", "handled", "noAmount, wrongCurrency"),
        ("evt_less", "handled", "noAmount, otherAmount, wrongCurrency"),
    ]

    # Told before our own row is there: it waits for it. What stays nobody's is let go after an hour.
    early = str(new_id())
    tell(town, event("evt_early", "payment_intent.succeeded", intent("pi_2", early, 2_000)))
    tell(town, event("evt_stranger", "payment_intent.succeeded", intent("pi_3", str(new_id()), 2_000)))
    tell(town, event("evt_other", "payout.paid", {"id": "po_1", "object": "payout", "amount": 5_000}))
    waiting = {name: (state, problem) for name, state, problem in kept(town)[3:]}
    assert waiting == {
        "evt_early": ("received", None),
        "evt_stranger": ("received", None),
        "evt_other": ("ignored", "notOurs"),
    }

    def ask(db: Any) -> None:
        found = loans.find(db, UUID(loan))
        assert found is not None
        collecting.keep_payment(db, UUID(early), found, 2_000, HostedPage("cs_early", ""), HELPER)

    town.database.run(ask)
    monkeypatch.setattr(collecting, "STRANGERS_WAIT", timedelta(0))
    town.settle()
    told = {name: state for name, state, _ in kept(town)}
    assert (told["evt_early"], told["evt_stranger"]) == ("handled", "ignored")
    assert town.get(f"/loans/{loan}")["outstanding"] == 3_000
    town.assert_agrees()


def dying(handlers: Mapping[str, Handler], kind: str) -> Mapping[str, Handler]:
    """Have one kind of message delivered as ever, and each time the worker dies before it can write that down."""

    def deliver(message: Leased) -> Mapping[str, Any]:
        handlers[kind].deliver(message)
        raise DeliveryFailed("the worker died")

    return {**handlers, kind: replace(handlers[kind], deliver=deliver)}


def hurry(town: Town) -> None:
    """Let what waits to be sent again be due now."""
    with town.database.transaction() as db:
        db.execute(text("UPDATE outbox SET next_at = now() WHERE state = 'pending'"))
    town.settle()


def test_a_worker_that_dies_after_stripe_did_it_makes_one_debit_and_one_refund(till: Till) -> None:
    town, loan = till.town, till.town.loan(amount=10_000, months=1)
    till.mandate(loan)
    alive, away = (
        town.handlers,
        tasks.handlers(town.wallet, StripeApi(KEY, "http://127.0.0.1:1"), lambda: town.database),
    )
    town.handlers = away
    town.on("2026-10-01")
    assert till.payments(loan) == [("2026-10-01", 10_000, "pending")]
    town.handlers = dying(alive, collecting.DEBIT_PAYMENT)
    hurry(town)
    hurry(town)
    assert till.payments(loan) == [("2026-10-01", 10_000, "pending")]
    town.handlers = alive
    hurry(town)
    assert till.payments(loan) == [("2026-10-01", 10_000, "processing")]
    assert len(till.about("payment_intent.created")) == 1

    # What came in at the bank meanwhile is too much: the worker dies over the refund, and Stripe tells of it first.
    town.repay(loan, 4_000, "2026-09-30")
    town.handlers = dying(alive, REFUND_PAYMENT)
    till.settle_debit()
    hurry(town)
    [refund] = till.about("refund.created")
    assert refund["amount"] == 4_000
    till.control(f"/refunds/{refund['id']}/settle")
    town.handlers = alive
    hurry(town)
    assert rows(town, "SELECT state, amount FROM sociaal_krediet.refund") == [("succeeded", 4_000)]
    assert rows(town, "SELECT count(*) FROM outbox WHERE state <> 'done'") == [(0,)]
    assert len(till.about("refund.created")) == 1
    till.assert_agrees()


def test_a_refund_of_which_nothing_was_heard_is_looked_up_and_not_paid_a_second_way(till: Till) -> None:
    town, loan = till.town, till.town.loan(amount=10_000, months=1)
    alive = town.handlers
    town.handlers = tasks.handlers(town.wallet, StripeApi(KEY, "http://127.0.0.1:1"), lambda: town.database)
    for page in [till.page(loan, 10_000), till.page(loan, 7_000)]:
        till.pay(page)
    till.deliver()
    with town.database.transaction() as db:
        db.execute(text("UPDATE outbox SET attempts = 11 WHERE state = 'pending'"))
    hurry(town)
    [parked] = town.get("/outbox", town.finance)["items"]
    assert (parked["kind"], parked["errorCode"], till.tasks()) == (
        REFUND_PAYMENT,
        "attemptsExhausted",
        ["refundFailed"],
    )
    balances = town.balances()
    assert balances["clearing"] == 7_000 and not any(name.startswith("holder:") for name in balances)

    town.handlers = alive
    assert town.finance.post(f"/outbox/{parked['id']}/resumptions").status_code == 202
    till.deliver()
    town.settle()
    till.deliver()
    [refund] = till.about("refund.created")
    till.control(f"/refunds/{refund['id']}/settle")
    assert refund["amount"] == 7_000
    till.assert_agrees()


def test_a_mandate_of_which_the_end_was_told_before_the_beginning_is_never_used(till: Till) -> None:
    town, loan = till.town, till.town.loan(amount=10_000, months=1)
    page = town.helper.post(f"/loans/{loan}/mandates").json()["url"]
    till.stripe.on_page(page, act="pay", method="sepa_debit", iban=PAID)
    mandate = till.about("setup_intent.succeeded")[0]["mandate"]
    tell(town, event("evt_ended", "mandate.updated", {"id": mandate, "object": "mandate", "status": "inactive"}))
    till.deliver()
    till.on("2026-10-01")
    assert till.payments(loan) == []
    assert rows(town, "SELECT state FROM sociaal_krediet.mandate") == [("inactive",)]


def test_a_page_is_asked_again_when_stripe_was_away_and_is_the_same_for_the_same_request(till: Till) -> None:
    town, loan = till.town, till.town.loan(amount=10_000, months=1)
    verifier = town.callers.verifier(NAME)
    away = make_api(town.database, verifier, town.wallet, StripeApi(KEY, "http://127.0.0.1:1"))
    helper = town.callers.client(away, NAME, Role.HELPER, "hanna")
    for path, body in ((f"/loans/{loan}/mandates", None), (f"/loans/{loan}/payments", {"amount": 5_000})):
        headers = {"Idempotency-Key": f"key {path[-8:]}"}
        assert helper.post(path, json=body, headers=headers).status_code == 503
        first, second = (town.helper.post(path, json=body, headers=headers) for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 201), first.text
        assert first.json() == second.json() and second.headers["Idempotency-Hit"] == "true"
    other = town.helper.post(f"/loans/{loan}/payments", json={"amount": 4_000}, headers=headers)
    assert (other.status_code, other.json()["errors"][0]["code"]) == (422, "idempotencyKeyReused")
    assert rows(town, "SELECT count(*) FROM sociaal_krediet.payment") == [(1,)]
    assert rows(town, "SELECT count(*) FROM sociaal_krediet.mandate") == [(1,)]


def test_an_event_that_cannot_be_worked_through_stops_no_other(till: Till) -> None:
    town, loan = till.town, till.town.loan(amount=10_000, months=1)
    broken = (
        "INSERT INTO sociaal_krediet.stripe_event (id, kind, created_at, content, state, received_at)"
        " VALUES ('evt_0', 'unknown', now(), '{}', 'received', now() - interval '1 minute')"
    )
    town.database.run(lambda db: db.connection().exec_driver_sql(broken))
    payment = ask_for_payment(town, loan, 6_000)
    tell(town, event("evt_1", "payment_intent.succeeded", intent("pi_1", payment, 6_000)))
    assert kept(town) == [("evt_0", "received", "failed"), ("evt_1", "handled", None)]
    assert town.get(f"/loans/{loan}")["outstanding"] == 4_000
