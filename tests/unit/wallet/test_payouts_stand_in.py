"""The stand-in bank reads the real file and answers as a bank does; its answers are read by the real readers."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime

import pytest

from wallet.payouts.bank_messages import Direction, MalformedMessage
from wallet.payouts.bank_messages.reader import read_message
from wallet.payouts.channels import Order, Payment
from wallet.payouts.channels.sepa import SepaChannel
from wallet.payouts.channels.stand_in import receive, statement, status_report

ONE, TWO, THREE = "1" * 32, "2" * 32, "3" * 32


def pain001() -> bytes:
    target = io.BytesIO()
    order = Order(
        "a" * 32, datetime(2026, 10, 1, tzinfo=UTC), date(2026, 10, 1), "Gemeente", "NL66BNGH0123456789", "SSBE", 3, 600
    )
    payments = [
        Payment(name, amount, "N. Naam", "NL91ABNA0417164300", "x")
        for name, amount in ((ONE, 100), (TWO, 200), (THREE, 300))
    ]
    SepaChannel().write(order, payments, target)
    return target.getvalue()


def test_it_reads_the_file_and_not_our_tables() -> None:
    received = receive(pain001())
    assert received.message_id == "a" * 32
    assert received.execute_on == date(2026, 10, 1)
    assert dict(received.payments) == {ONE: 100, TWO: 200, THREE: 300}


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"<NbOfTxs>3</NbOfTxs>", b"<NbOfTxs>2</NbOfTxs>"), (b">2.00<", b">2.01<"), (b"<CtrlSum>6.00", b"<CtrlSum>6.01")],
)
def test_it_refuses_a_file_whose_control_totals_are_wrong(old: bytes, new: bytes) -> None:
    with pytest.raises(MalformedMessage) as refused:
        receive(pain001().replace(old, new))
    assert refused.value.code == "wrongTotals"


def test_it_refuses_a_file_that_pays_one_id_twice() -> None:
    with pytest.raises(MalformedMessage, match="herhaalde"):
        receive(pain001().replace(TWO.encode(), ONE.encode()))


def test_the_statement_has_one_debit_for_the_batch_and_a_credit_per_return() -> None:
    debit, credit = read_message(statement(pain001(), {TWO: "AC04"}, {})).entries
    assert (debit.direction, debit.amount, debit.transactions) == (Direction.DEBIT, 600, 3)
    assert (credit.direction, credit.amount, credit.end_to_end_id, credit.reason) == (
        Direction.CREDIT, 200, TWO, "AC04",
    )  # fmt: skip
    assert debit.booked_on == credit.booked_on == date(2026, 10, 1)


def test_what_was_rejected_is_never_debited() -> None:
    (debit,) = read_message(statement(pain001(), {}, {ONE: "AC01"})).entries
    assert (debit.amount, debit.transactions) == (500, 2)


def test_the_same_question_gets_the_same_bytes_and_another_return_another_statement() -> None:
    first, second = statement(pain001(), {TWO: "AC04"}, {}), statement(pain001(), {ONE: "AC04"}, {})
    assert first == statement(pain001(), {TWO: "AC04"}, {})
    references = [{entry.reference for entry in read_message(file).entries} for file in (first, second)]
    assert first != second
    assert len(references[0] & references[1]) == 1  # the debit is the same booking on both


@pytest.mark.parametrize(
    ("rejects", "statuses"),
    [({}, ["ACCP"]), ({ONE: "AC01"}, ["RJCT"]), ({ONE: "AC01", TWO: "AC04", THREE: "AG01"}, ["RJCT"] * 3)],
)
def test_the_status_report_names_what_was_rejected(rejects: dict[str, str], statuses: list[str]) -> None:
    message = read_message(status_report(pain001(), rejects))
    assert [entry.status for entry in message.entries] == statuses
    assert {entry.end_to_end_id for entry in message.entries} - {None} == set(rejects)


def test_a_payment_that_is_not_in_the_file_cannot_come_back() -> None:
    with pytest.raises(MalformedMessage) as refused:
        statement(pain001(), {"9" * 32: "AC04"}, {})
    assert refused.value.code == "unknownPayment"
