"""What a payee's payment carries, from which account it comes, and when its account can be used (PO-4, PO-6, DP-9)."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
import sepaxml
from lxml import etree
from pydantic import ValidationError

from wallet.holders.payees.schemas import PayeeIn
from wallet.holders.rules import HolderPolicy, usable_from
from wallet.payouts.channels import Order, Payment
from wallet.payouts.channels.sepa import NAMESPACE, SepaChannel
from wallet.payouts.postings import PaidLine, rejected, returned, sent
from wallet.payouts.rules import PAYABLE, HolderKind, creditor_reference

PAYEE = UUID("01900000-0000-7000-8000-00000000000c")
LINE = UUID("01900000-0000-7000-8000-00000000000d")


def test_po6_an_account_that_a_payee_of_this_name_is_paid_on_already_does_not_cool_off_again() -> None:
    policy = HolderPolicy(cooling_off_days=3)
    assert usable_from(date(2026, 10, 1), policy, known=True) == date(2026, 10, 1)
    assert usable_from(date(2026, 10, 1), policy, known=False) == date(2026, 10, 4)


@pytest.mark.parametrize(
    ("reference", "structured"),
    [
        # R = 27, F = 15: 539007547034 27 15 18 leaves 1 when divided by 97.
        ("RF18539007547034", "RF18539007547034"),
        ("rf18 5390 0754 7034", "RF18539007547034"),
        ("RF19539007547034", None),
        ("2026-0117 klant 88", None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_reference_whose_check_digits_are_right_is_structured(
    reference: str | None, structured: str | None
) -> None:
    assert creditor_reference(reference) == structured


def test_a_structured_reference_stands_where_the_schema_wants_it_and_any_other_is_text() -> None:
    payments = [
        Payment("1" * 32, 60_000, "Energie B.V.", "NL91ABNA0417164300", "RF18 5390", "RF18539007547034"),
        Payment("2" * 32, 66_390, "Woonstichting Zuid", "NL66BNGH0123456789", "Huur © 2026-0117"),
    ]
    order = Order(
        "a" * 32, datetime(2026, 10, 1, tzinfo=UTC), date(2026, 10, 1), "Gemeente", "NL66BNGH0123456789",
        PAYABLE["krediet"].purpose, 2, 126_390,
    )  # fmt: skip
    target = io.BytesIO()
    SepaChannel().write(order, payments, target)
    file = etree.fromstring(target.getvalue())
    schema = Path(sepaxml.__file__).parent / "schemas" / "pain.001.001.09.xsd"
    etree.XMLSchema(etree.parse(str(schema))).assertValid(file)
    remittances = [
        {etree.QName(node).localname: node.text for node in one.iter() if not len(node)}
        for one in file.iter(f"{{{NAMESPACE}}}RmtInf")
    ]
    assert remittances == [{"Cd": "SCOR", "Issr": "ISO", "Ref": "RF18539007547034"}, {"Ustrd": "Huur . 2026-0117"}]
    assert [node.text for node in file.iterfind(".//{*}Purp/{*}Cd")] == ["LOAN", "LOAN"]


def test_a_payee_is_paid_out_of_what_it_is_owed_and_a_person_out_of_a_purse() -> None:
    payee = PaidLine(LINE, PAYEE, "krediet", "EUR", 60_000, LINE.hex, LINE, "payee")
    person = PaidLine(LINE, PAYEE, "krediet", "EUR", 60_000, LINE.hex, LINE, "person")
    owed = f"payable:{PAYEE}:krediet"
    assert (sent(payee).source, returned(payee).destination, rejected(payee).destination) == (owed, owed, owed)
    assert sent(person).source == f"holder:{PAYEE}:krediet"


def test_dp9_a_credit_is_paid_to_who_accepted_it_and_never_to_who_has_it() -> None:
    assert PAYABLE["meedoen"].kinds == PAYABLE["belkosten"].kinds == (HolderKind.PAYEE,)
    assert PAYABLE["krediet"].kinds == (HolderKind.PERSON, HolderKind.PAYEE)


@pytest.mark.parametrize("reference", ["", " ", "/ -", "x" * 141, "a\u001fb", "一二三"])
def test_a_reference_has_at_most_140_characters_and_something_that_a_bank_can_write(reference: str) -> None:
    with pytest.raises(ValidationError):
        PayeeIn.model_validate({"name": "Energie B.V.", "iban": "NL91ABNA0417164300", "reference": reference})
