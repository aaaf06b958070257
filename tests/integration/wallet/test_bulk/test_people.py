"""Who may do what with a batch, and what is refused at the door."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text

from foundation.access import Caller, Role
from foundation.database import Database
from foundation.refusals import Refusal
from tests.integration.wallet.bulk_house import BURGERBUDGET, CHUCK, HEADER, MARA, BulkHouse
from tests.integration.wallet.ledger_books import FUND
from tests.integration.wallet.test_bulk.conftest import code, gifts
from wallet.ledger.actions import Transfer


def test_a_maker_does_not_approve_and_the_database_agrees(house: BulkHouse, wallet_owner_url: str) -> None:
    batch_id = house.checked(gifts(house, 1))
    house.submit(batch_id)
    maker_too = Caller("mara", frozenset({Role.FINANCE_CHECKER}))
    assert code(lambda: house.approve(batch_id, maker_too)) == "sameSubject"
    with psycopg.connect(wallet_owner_url) as owner, pytest.raises(psycopg.errors.CheckViolation) as refused:
        owner.execute("UPDATE ledger.bulk_batch SET approved_by = maker, approved_at = now()")
    assert refused.value.diag.constraint_name == "bulk_batch_approved_by_another"


def test_only_the_content_that_was_shown_is_approved(house: BulkHouse) -> None:
    batch_id = house.checked(gifts(house, 1))
    house.submit(batch_id)
    assert code(lambda: house.approve(batch_id, content_hash=bytes(32))) == "wrongHash"
    assert house.figures(FUND) == (1_000_000_000, 0)


def test_too_little_on_the_source_holds_nothing_and_can_be_asked_again_after_a_deposit(
    wallet_database: Database,
) -> None:
    house = BulkHouse(wallet_database, deposit=150)
    batch_id = house.checked(gifts(house, 2))
    house.submit(batch_id)
    with pytest.raises(Refusal) as refused:
        house.approve(batch_id)
    assert (refused.value.errors[0].code, FUND in refused.value.message) == ("tooLittle", True)
    assert (house.batch(batch_id).state, house.figures(FUND)) == ("submitted", (150, 0))
    house.post(Transfer("bank:current", FUND, 50), kind="deposit")
    house.approve(batch_id)
    house.work()
    assert (house.batch(batch_id).posted_total, house.figures(FUND)) == (200, (0, 0))


def test_what_is_reserved_cannot_be_spent_by_another(wallet_database: Database) -> None:
    house = BulkHouse(wallet_database, deposit=250)
    house.approved(gifts(house, 2))
    purse = f"{house.holder()}:vrij"
    assert code(lambda: house.post(Transfer(FUND, purse, 51))) == "tooLittle"
    house.post(Transfer(FUND, purse, 50))
    house.work()
    assert house.figures(FUND) == (0, 0)


def test_a_step_in_the_wrong_state_is_refused(house: BulkHouse) -> None:
    batch_id = house.send(gifts(house, 1))
    assert code(lambda: house.submit(batch_id)) == "wrongState"
    house.work()
    assert code(lambda: house.approve(batch_id)) == "wrongState"
    house.submit(batch_id)
    assert code(lambda: house.submit(batch_id)) == "wrongState"
    house.approve(batch_id)
    for act in (lambda: house.approve(batch_id), lambda: house.withdraw(batch_id)):
        assert code(act) == "wrongState"
    house.work()
    assert code(lambda: house.withdraw(batch_id)) == "wrongState"


def test_a_batch_is_submitted_and_withdrawn_by_its_maker_only(house: BulkHouse) -> None:
    batch_id = house.checked(gifts(house, 1))
    other = Caller("otto", frozenset({Role.FINANCE_MAKER}))
    assert code(lambda: house.submit(batch_id, other)) == "notTheMaker"
    assert code(lambda: house.withdraw(batch_id, other)) == "notTheMaker"
    assert code(lambda: house.submit(batch_id, BURGERBUDGET)) == "unknownBatch"
    assert house.withdraw(batch_id).state == "withdrawn"
    house.work()
    assert house.batch(batch_id).state == "withdrawn"


def test_a_batch_withdrawn_while_it_is_loading_is_loaded_no_further(house: BulkHouse) -> None:
    batch_id = house.send(gifts(house, 1))
    house.withdraw(batch_id)
    house.work()
    assert house.rows("SELECT 1 FROM ledger.bulk_line") == []
    assert house.rows("SELECT 1 FROM inbox_piece") == []


def test_a_services_own_submission_approves_and_stays_within_its_scheme(house: BulkHouse) -> None:
    anna, ben = house.holders(2)
    lines = [(f"{anna}:vrij", 100, "use/1"), (f"{ben}:belkosten", 100, "use/2"), ("bank:outgoing", 100, "use/3")]
    batch_id = house.checked(lines, BURGERBUDGET, kind="use", reason=None)
    assert house.exceptions(batch_id) == [(3, "outsideScope"), (4, "outsideScope")]
    batch = house.submit(batch_id, BURGERBUDGET, partial=True)
    assert (batch.state, batch.approved_by) == ("approved", "burgerbudget")
    house.work()
    [journal] = house.rows("SELECT actor, on_behalf_of FROM ledger.journal WHERE batch = :id", id=str(batch_id))
    assert tuple(journal) == ("burgerbudget", "mara")
    assert house.figures(FUND) == (999_999_900, 0)


def test_what_no_line_can_mend_is_refused_at_the_door(house: BulkHouse) -> None:
    owner = house.holder()
    house.post(Transfer(FUND, f"{owner}:burgerbudget", 50), Transfer(f"{owner}:burgerbudget", f"{owner}:vrij", 20))
    with house.database.transaction() as db:
        db.execute(text("SELECT ledger.open_account('payable:oud', 'EUR', 'payable', 0, NULL, 10)"))
        db.execute(text("SELECT ledger.close_account('payable:oud')"))
    lines = [("bank:outgoing", 1, "k/1")]
    by_hand = {
        "kindNotAllowed": {"kind": "payout"},
        "reasonMissing": {"reason": None},
        "unknownAccount": {"source": "fund:nergens"},
        "wrongAsset": {"asset": "POINT"},
        "closedAccount": {"source": "payable:oud"},
        "protectedPurse": {"source": f"{owner}:vrij"},
    }
    for expected, asked in by_hand.items():
        assert code(lambda asked=asked: house.send(lines, **asked)) == expected
    assert code(lambda: house.send(lines, source=f"{owner}:burgerbudget")) == "protectedPurse"
    assert code(lambda: house.send(lines, BURGERBUDGET, source="bank:current")) == "outsideScope"
    assert code(lambda: house.send(lines, BURGERBUDGET, kind="manual")) == "kindNotAllowed"
    assert house.rows("SELECT 1 FROM ledger.bulk_batch") == []


def test_what_is_lent_is_not_moved_by_hand_in_a_file_either(house: BulkHouse) -> None:
    owner = house.holder()
    with house.database.transaction() as db:
        db.execute(text("SELECT ledger.open_loan('01900000-0000-7000-8000-000000000001', 5000)"))
    loan, lent = "loan:01900000-0000-7000-8000-000000000001:outstanding", "lent:sociaal-krediet"

    assert code(lambda: house.send([(f"{owner}:vrij", 1, "k/1")], source=lent)) == "loanByHand"
    assert code(lambda: house.send([(f"{owner}:vrij", 1, "k/1")], source=loan)) == "loanByHand"
    batch_id = house.checked([(f"{owner}:vrij", 100, "k/1"), (lent, 100, "k/2"), (loan, 100, "k/3")])
    # A loan of which nothing is lent cannot be credited at all: it is told both.
    assert {found for found in house.exceptions(batch_id) if found[1] == "loanByHand"} == {
        (3, "loanByHand"),
        (4, "loanByHand"),
    }
    house.submit(batch_id, partial=True)
    house.approve(batch_id)
    house.work()
    assert house.figures(lent) == (0, 0)
    assert house.figures(f"{owner}:vrij") == (100, 0)


def test_a_purse_that_burgerbudget_filled_meanwhile_is_not_approved_as_source(house: BulkHouse) -> None:
    owner, other = house.holders(2)
    house.post(Transfer(FUND, f"{owner}:vrij", 100))
    batch_id = house.checked([(f"{other}:vrij", 40, "k/1")], source=f"{owner}:vrij")
    house.submit(batch_id)
    house.post(Transfer(FUND, f"{owner}:burgerbudget", 50), Transfer(f"{owner}:burgerbudget", f"{owner}:vrij", 20))
    assert code(lambda: house.approve(batch_id)) == "protectedPurse"
    assert house.figures(f"{owner}:vrij") == (120, 0)


def test_a_purse_can_be_the_source_and_a_fund_a_destination(house: BulkHouse) -> None:
    owner, other = house.holders(2)
    house.post(Transfer(FUND, f"{owner}:vrij", 1_000))
    lines = [(f"{other}:vrij", 40, "k/1"), (FUND, 60, "k/2", "case/2"), ("bank:outgoing", 5, "k/3")]
    batch_id = house.posted(lines, source=f"{owner}:vrij")
    assert house.all_figures([f"{owner}:vrij", f"{other}:vrij", FUND]) == {
        f"{owner}:vrij": (895, 0),
        f"{other}:vrij": (40, 0),
        FUND: (999_999_060, 0),
    }
    assert (house.batch(batch_id).posted_lines, house.faults()) == (3, [])


def test_a_header_alone_with_blank_lines_is_refused_at_the_door(house: BulkHouse) -> None:
    assert code(lambda: house.send(f"{HEADER}\n \n".encode())) == "emptyFile"
    assert MARA.has(Role.FINANCE_MAKER) and CHUCK.has(Role.FINANCE_CHECKER)
