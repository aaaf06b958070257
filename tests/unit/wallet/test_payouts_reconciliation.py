"""What the bank's entries mean for our batches: everything gets one outcome, and nothing is booked on a guess (PO-5)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from wallet.payouts.bank_messages import Direction, Entry, Level, entry_key
from wallet.payouts.reconciliation import BatchFacts, Book, Effect, LineFacts, Outcome

BATCH, ONE, TWO = (UUID(f"01900000-0000-7000-8000-00000000000{n}") for n in (0, 1, 2))
ACCOUNT = "NL66BNGH0123456789"


def book(
    one: str = "sent", two: str = "sent", state: str = "sent", cleared: tuple[bool, bool] = (False, False), **known: Any
) -> Book:
    """A batch of two lines, of 100 and 250 cents."""
    lines = [
        LineFacts(ONE, BATCH, ONE.hex, 100, one, cleared[0]),
        LineFacts(TWO, BATCH, TWO.hex, 250, two, cleared[1]),
    ]
    waiting = [line for line in lines if line.state in ("sent", "returned") and not line.cleared]
    facts = BatchFacts(BATCH, BATCH.hex, ACCOUNT, state, len(waiting), sum(line.amount for line in waiting))
    return Book([facts], lines, **known)


def entry(level: Level, direction: Direction, **fields: Any) -> Entry:
    given: dict[str, Any] = {"account": ACCOUNT, "currency": "EUR", **fields}
    return Entry(level, direction, entry_key(level, direction, sorted(given.items())), **given)


def debit(amount: int = 350, **fields: Any) -> Entry:
    return entry(
        Level.BATCH, Direction.DEBIT, **{"amount": amount, "message_id": BATCH.hex, "reference": "D", **fields}
    )


def line_debit(line: UUID = ONE, amount: int = 100, **fields: Any) -> Entry:
    return entry(Level.TRANSACTION, Direction.DEBIT, end_to_end_id=line.hex, amount=amount, **fields)


def credit(line: UUID = ONE, amount: int = 100, **fields: Any) -> Entry:
    return entry(Level.TRANSACTION, Direction.CREDIT, end_to_end_id=line.hex, amount=amount, **fields)


def status(code: str = "RJCT", line: UUID = ONE, **fields: Any) -> Entry:
    return entry(Level.TRANSACTION, Direction.NONE, end_to_end_id=line.hex, status=code, **fields)


def group(code: str = "RJCT") -> Entry:
    return entry(Level.GROUP, Direction.NONE, message_id=BATCH.hex, status=code)


def outcomes(known: Book, *entries: Entry) -> list[tuple[str, str | None]]:
    verdicts = known.judge_all(entries)
    return [(verdict.outcome.value, verdict.effect.value if verdict.effect else verdict.note) for verdict in verdicts]


@pytest.mark.parametrize(
    "whole",
    [
        debit(),
        debit(transactions=2),
        debit(message_id=None, payment_information_id=BATCH.hex + "-1"),
        debit(message_id=None, payment_information_id=BATCH.hex),
    ],
)
def test_a_debit_of_the_whole_batch_settles_it(whole: Entry) -> None:
    assert outcomes(book(), whole) == [("matched", "settle-batch")]


@pytest.mark.parametrize(
    ("whole", "note"),
    [
        (debit(349), "totalDiffers"),
        (debit(transactions=3), "totalDiffers"),
        (debit(message_id="f" * 32), "noSuchPayment"),
        (debit(message_id=None), "noSuchPayment"),
        (debit(account="NL91ABNA0417164300"), "otherAccount"),
        (debit(account=None), "otherAccount"),
        (debit(currency="USD"), "otherCurrency"),
        (debit(booked=False), "notBooked"),
        (entry(Level.BATCH, Direction.CREDIT, amount=350, message_id=BATCH.hex), "batchCredited"),
        (line_debit(amount=101), "amountDiffers"),
        (credit(amount=99), "amountDiffers"),
        (credit(UUID(int=9)), "noSuchPayment"),
        (credit(account="NL91ABNA0417164300"), "otherAccount"),
        (status(message_id="f" * 32), "otherMessage"),
    ],
)
def test_what_does_not_fit_is_unknown_and_says_why(whole: Entry, note: str) -> None:
    assert outcomes(book(), whole) == [("unknown", note)]


def test_rejections_make_the_debit_that_follows_smaller() -> None:
    assert outcomes(book(), status(), debit(), debit(250, transactions=1)) == [
        ("returned", "reject-line"),
        ("unknown", "totalDiffers"),
        ("matched", "settle-batch"),
    ]


def test_lines_settled_one_by_one_leave_the_rest_for_the_batch() -> None:
    assert outcomes(book(), line_debit(), debit(250)) == [("matched", "settle-line"), ("matched", "settle-batch")]


def test_a_return_follows_its_debit_or_goes_before_it() -> None:
    assert outcomes(book(), debit(), credit()) == [("matched", "settle-batch"), ("returned", "return-line")]
    assert outcomes(book(), credit(), debit()) == [("returned", "return-line"), ("matched", "settle-batch")]


def test_an_entry_read_twice_is_repeated() -> None:
    assert outcomes(book(), debit(), debit(), credit(), credit(), status("ACCP"), status("ACCP")) == [
        ("matched", "settle-batch"),
        ("repeated", None),
        ("returned", "return-line"),
        ("repeated", None),
        ("matched", "line-status"),
        ("repeated", None),
    ]
    assert outcomes(book(handled_keys={debit().key}), debit()) == [("repeated", None)]


def test_an_entry_that_was_unknown_may_be_understood_later_but_counts_once() -> None:
    strange, known = debit(349), debit()
    keys = {strange.key, known.key}
    assert outcomes(book(unknown_keys=keys), strange, known) == [
        ("repeated", "totalDiffers"),
        ("matched", "settle-batch"),
    ]


def test_the_same_booking_on_another_statement_is_repeated_and_another_booking_is_not() -> None:
    settled = {"one": "settled", "two": "settled", "state": "settled", "cleared": (True, True)}
    again = debit(statement="another")
    assert outcomes(book(**settled, handled_references={(ACCOUNT, "D")}), again) == [("repeated", None)]  # type: ignore[arg-type]
    assert outcomes(book(**settled), again) == [("unknown", "alreadySettled")]  # type: ignore[arg-type]
    assert outcomes(book(one="returned", cleared=(True, False)), credit()) == [("unknown", "alreadyReturned")]


@pytest.mark.parametrize(
    ("state", "one", "said", "note"),
    [
        ("approved", "held", debit(), "notSent"),
        ("approved", "held", credit(), "notSent"),
        ("approved", "held", line_debit(), "notSent"),
        ("approved", "held", status(), "notSent"),
        ("approved", "held", group(), "notSent"),
        ("withdrawn", "withdrawn", credit(), "notSent"),
        ("withdrawn", "withdrawn", status(), "notSent"),
        ("sent", "rejected", credit(), "alreadyRejected"),
        ("sent", "rejected", line_debit(), "alreadyRejected"),
        ("sent", "settled", status(), "alreadySettled"),
        ("sent", "returned", status(), "alreadySettled"),
    ],
)
def test_what_cannot_be_at_this_moment_is_unknown(state: str, one: str, said: Entry, note: str) -> None:
    assert outcomes(book(one=one, state=state, cleared=(one == "settled", False)), said) == [("unknown", note)]


def test_a_rejected_file_rejects_what_is_still_open_once() -> None:
    assert outcomes(book(), status(), group(), status(line=TWO), group("ACCP")) == [
        ("returned", "reject-line"),
        ("returned", "reject-batch"),
        ("repeated", None),
        ("matched", "batch-status"),
    ]


def test_every_effect_is_of_an_outcome_that_is_handled_once() -> None:
    for said in (debit(), credit(), status(), status("ACCP"), group(), group("ACCP"), line_debit()):
        (verdict,) = book().judge_all([said])
        assert verdict.outcome in (Outcome.MATCHED, Outcome.RETURNED)
        assert isinstance(verdict.effect, Effect)
