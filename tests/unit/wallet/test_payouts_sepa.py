"""The SEPA file: right by the schema of others, the same bytes each time, in a bank's letters only (PO-4)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sepaxml
from lxml import etree

from wallet.payouts.channels import ControlTotalWrong, Order, Payment
from wallet.payouts.channels.sepa import NAMESPACE, SepaChannel
from wallet.payouts.channels.sepa_text import ALLOWED, NAMELESS, sepa_name, sepa_text

PAYMENTS = [
    Payment("1" * 32, 59964, "José Müller-Łąś", "NL91ABNA0417164300", "Burgerbudget, uitbetaling 12"),
    Payment("2" * 32, 5, "O’Neil & Zn", "DE89370400440532013000", "Burgerbudget, uitbetaling 12"),
    Payment("3" * 32, 100_000, "Đặng Thị Ngọc", "NL66BNGH0123456789", "Burgerbudget <12>"),
]
ORDER = Order(
    message_id="a" * 32,
    created_at=datetime(2026, 10, 1, 9, 30, 15, 123456, tzinfo=UTC),
    execute_on=date(2026, 10, 1),
    debtor_name="Gemeente Voorbeeldstad",
    debtor_iban="NL66BNGH0123456789",
    purpose="SSBE",
    payments=3,
    total=159_969,
)


def written(order: Order = ORDER, payments: Sequence[Payment] = PAYMENTS) -> bytes:
    target = io.BytesIO()
    SepaChannel().write(order, payments, target)
    return target.getvalue()


def schema() -> etree.XMLSchema:
    folder = Path(sepaxml.__file__).parent / "schemas"
    return etree.XMLSchema(etree.parse(str(folder / "pain.001.001.09.xsd")))


def texts(file: bytes, name: str) -> list[str | None]:
    return [element.text for element in etree.fromstring(file).iter(f"{{{NAMESPACE}}}{name}")]


def test_the_file_is_valid_by_the_schema_of_pain_001_001_09() -> None:
    schema().assertValid(etree.fromstring(written()))


def test_the_same_batch_gives_the_same_bytes() -> None:
    assert written() == written()


def test_counts_and_control_sums_are_those_of_the_lines() -> None:
    # 599.64 + 0.05 + 1,000.00
    assert texts(written(), "NbOfTxs") == ["3", "3"]
    assert texts(written(), "CtrlSum") == ["1599.69", "1599.69"]
    assert texts(written(), "InstdAmt") == ["599.64", "0.05", "1000.00"]


def test_what_the_bank_needs_of_the_batch_is_in_its_place() -> None:
    file = written()
    assert texts(file, "MsgId") == ["a" * 32]
    assert texts(file, "PmtInfId") == ["a" * 32 + "-1"]
    assert texts(file, "EndToEndId") == ["1" * 32, "2" * 32, "3" * 32]
    assert texts(file, "CreDtTm") == ["2026-10-01T09:30:15Z"]
    assert texts(file, "Dt") == ["2026-10-01"]
    assert texts(file, "BtchBookg") == ["true"]
    assert texts(file, "ChrgBr") == ["SLEV"]
    assert texts(file, "Cd") == ["SEPA", "SSBE", "SSBE", "SSBE"]
    assert texts(file, "IBAN") == [
        "NL66BNGH0123456789", "NL91ABNA0417164300", "DE89370400440532013000", "NL66BNGH0123456789",
    ]  # fmt: skip


def test_names_are_written_in_a_banks_letters_and_none_is_lost() -> None:
    assert texts(written(), "Nm") == [
        "Gemeente Voorbeeldstad", "Gemeente Voorbeeldstad", "Jose Muller-Las", "O'Neil + Zn", "Dang Thi Ngoc",
    ]  # fmt: skip


def test_no_address_and_nothing_of_a_person_but_name_and_account() -> None:
    file = etree.fromstring(written())
    names = {etree.QName(element).localname for element in file.iter(f"{{{NAMESPACE}}}*")}
    assert not names & {"PstlAdr", "AdrLine", "PrvtId", "OrgId", "BirthDt", "CtctDtls"}


@pytest.mark.parametrize("wrong", [{"payments": 4}, {"total": 159_970}])
def test_a_file_whose_lines_are_not_what_the_batch_says_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ControlTotalWrong):
        written(replace(ORDER, **wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", [0, -5, 100_000_000_000])
def test_an_amount_that_no_transfer_can_carry_is_refused(amount: int) -> None:
    with pytest.raises(ControlTotalWrong):
        written(replace(ORDER, payments=1, total=amount), [replace(PAYMENTS[0], amount=amount)])


def test_an_id_that_a_bank_would_not_take_is_refused() -> None:
    for wrong in ("", "x" * 36, "a//b", "/a", "ä"):
        with pytest.raises(ValueError, match="identification"):
            written(replace(ORDER, message_id=wrong))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ĳsbrand van 't Hof", "IJsbrand van 't Hof"),
        ("Søren Ødegård", "Soren Odegard"),
        ("Владимир Щукин", "Vladimir Shchukin"),
        ("Ζαφείρης", "Zafeiris"),
        ("Gül\tYıldız", "Gul Yildiz"),
        ("Jansen / De Wit", "Jansen / De Wit"),
        ("//Jansen//", "Jansen"),
        ("Anne\u200bMarie", "AnneMarie"),
        ("e\u0301milie", "emilie"),
        ("Li 明", "Li ."),
        ("王小明", NAMELESS),
        ("", NAMELESS),
        ("!?", NAMELESS),
    ],
)
def test_a_name_keeps_as_much_as_a_bank_can_write(name: str, expected: str) -> None:
    assert sepa_name(name) == expected


def test_names_end_at_70_and_remittances_at_140_characters() -> None:
    assert len(sepa_name("é" * 200)) == 70
    assert len(sepa_text("ß" * 200, 140)) == 140


def test_every_character_there_is_becomes_one_that_a_bank_can_write() -> None:
    for code in range(0x3000):
        assert ALLOWED.issuperset(sepa_text(f"a{chr(code)}b", 140)), hex(code)


def test_a_payment_never_shows_its_name_or_account() -> None:
    assert "NL91" not in repr(PAYMENTS[0])
    assert "José" not in repr(PAYMENTS[0])
