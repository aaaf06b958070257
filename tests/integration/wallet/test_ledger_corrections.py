"""Reversals: proposed by one, confirmed by another, in parts up to the whole, and never what the law protects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import IntegrityError

from foundation.access import Caller, Role
from foundation.application import create_api
from foundation.database import Database
from foundation.refusals import Refusal
from tests.integration.wallet.ledger_books import BANK, FUND, OUTGOING, Books
from tests.support.callers import Callers, Client
from wallet.ledger import routes
from wallet.ledger.actions import HoldRequest, Transfer, open_fund_account, posting
from wallet.ledger.corrections import actions
from wallet.ledger.corrections import routes as correction_routes
from wallet.ledger.corrections.schemas import ReversalIn
from wallet.ledger.refusals import Malformed, NotClaimable

MIA = Caller("mia", frozenset({Role.FINANCE_MAKER}))
CHRIS = Caller("chris", frozenset({Role.FINANCE_CHECKER}))


@pytest.fixture
def books(wallet_database: Database, today: Callable[[str], None]) -> Books:
    today("2026-10-05")
    return Books(wallet_database)


@pytest.fixture
def api(books: Books, callers: Callers) -> FastAPI:
    return create_api(
        "wallet",
        database=books.database,
        verifier=callers.verifier("wallet"),
        routers=[routes.router, correction_routes.router],
    )


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["errors"][0]["code"])


def propose(maker: Client, transfer: str, amount: int | None = None, **more: Any) -> Any:
    asked = {"reason": "dubbel geboekt", **more} | ({} if amount is None else {"amount": amount})
    return maker.post(f"/transfers/{transfer}/reversals", json=asked)


def reverse(maker: Client, checker: Client, transfer: str, amount: int | None = None, **more: Any) -> Any:
    proposed = propose(maker, transfer, amount, **more)
    assert proposed.status_code == 202, proposed.json()
    return checker.post(f"/transfers/{transfer}/reversals/{proposed.json()['id']}/confirmations")


def paid(books: Books, purse: str, amount: int) -> tuple[str, str]:
    """Pay an amount from the fund into a new purse; gives the purse and the transfer."""
    address = f"{books.holder()}:{purse}"
    return address, books.post(Transfer(FUND, address, amount), kind="payment").transfer_ids[0]


def test_a_transfer_is_taken_back_whole_by_two_people_and_both_name_each_other(
    api: FastAPI, callers: Callers, books: Books, maker: Client, checker: Client, auditor: Client
) -> None:
    purse, transfer = paid(books, "leefgeld", 105_000)
    proposed = propose(maker, transfer)
    proposal = proposed.json()["id"]
    assert (proposed.status_code, proposed.json()) == (202, {"id": proposal, "state": "proposed"})
    assert books.balance(purse) == 105_000
    told = auditor.get(f"/transfers/{proposal}").json()
    assert (told["subject"], told["state"], told["reverses"], told["transfers"][0]["amount"]) == (
        "reversal",
        "proposed",
        transfer,
        105_000,
    )
    confirm = f"/transfers/{transfer}/reversals/{proposal}/confirmations"
    same = callers.client(api, "wallet", Role.FINANCE_CHECKER, "mia").post(confirm)
    assert error(same) == (403, "sameSubject")
    assert maker.post(confirm).status_code == auditor.post(confirm).status_code == 403
    confirmed = checker.post(confirm)
    journal = confirmed.json()["journalId"]
    # The money goes from a purse to a fund: the purse's line names it.
    assert (confirmed.status_code, confirmed.json()["transfers"]) == (201, [{"id": f"{journal}-1"}])
    assert (books.balance(purse), books.balance(FUND)) == (0, 1_000_000)
    original = auditor.get(f"/transfers/{transfer}").json()
    assert (original["reversedBy"], original["reversedAmount"], original["reverses"]) == (
        [{"id": f"{journal}-1", "amount": 105_000}],
        105_000,
        None,
    )
    back = auditor.get(f"/transfers/{journal}-1").json()
    assert (back["kind"], back["reverses"], back["source"], back["destination"], back["amount"]) == (
        "reversal",
        transfer,
        purse,
        FUND,
        105_000,
    )
    assert (back["actor"], back["onBehalfOf"], back["reason"], back["valueDate"], back["reference"]) == (
        "chris",
        "mia",
        "dubbel geboekt",
        "2026-10-05",
        f"transfer/{transfer}",
    )
    assert (back["reversedAmount"], back["reversedBy"]) == (0, [])
    assert auditor.get(f"/transfers/{journal}").json()["transfers"] == [back]
    assert error(checker.post(confirm)) == (409, "alreadyDecided")
    assert books.faults() == []


def test_it_is_taken_back_in_parts_up_to_the_whole_and_the_refusal_says_what_is_left(
    books: Books, maker: Client, checker: Client, auditor: Client
) -> None:
    purse, transfer = paid(books, "leefgeld", 100)
    assert error(propose(maker, transfer, 101)) == (409, "overReversal")
    assert reverse(maker, checker, transfer, 60).status_code == 201
    over = propose(maker, transfer, 41)
    assert (error(over), over.json()["errors"][0]["left"]) == ((409, "overReversal"), 40)
    assert over.json()["errors"][0]["pointer"] == "/amount"
    # What is left, when no amount is given.
    assert reverse(maker, checker, transfer).status_code == 201
    assert (books.balance(purse), auditor.get(f"/transfers/{transfer}").json()["reversedAmount"]) == (0, 100)
    for amount in (None, 1):
        done = propose(maker, transfer, amount)
        assert (error(done), done.json()["errors"][0]["left"]) == ((409, "reversedAlready"), 0)


def test_a_proposal_that_others_overtook_is_refused_at_its_confirmation(
    books: Books, maker: Client, checker: Client
) -> None:
    purse, transfer = paid(books, "leefgeld", 100)
    late = propose(maker, transfer, 60).json()["id"]
    assert reverse(maker, checker, transfer, 60).status_code == 201
    refused = checker.post(f"/transfers/{late}/confirmations")
    assert (error(refused), refused.json()["errors"][0]["left"]) == ((409, "overReversal"), 40)
    assert books.balance(purse) == 40


def test_either_line_and_a_journal_of_one_transfer_name_the_same(
    books: Books, maker: Client, checker: Client, auditor: Client
) -> None:
    one, two = f"{books.holder()}:leefgeld", f"{books.holder()}:leefgeld"
    books.post(Transfer(FUND, one, 100))
    journal = books.post(Transfer(one, two, 100)).journal_id
    for name, amount in ((f"{journal}-1", 10), (f"{journal}-2", 20), (f"{journal}", 30)):
        assert reverse(maker, checker, name, amount).status_code == 201
    shown = auditor.get(f"/transfers/{journal}-1").json()
    assert [each["amount"] for each in shown["reversedBy"]] == [10, 20, 30]
    assert (books.balance(one), books.balance(two)) == (60, 40)


def test_what_is_no_single_transfer_of_ours_is_not_reversed(books: Books, maker: Client, checker: Client) -> None:
    purses = [f"{books.holder()}:leefgeld" for _ in range(2)]
    several = books.post(*[Transfer(FUND, purse, 10) for purse in purses]).journal_id
    # Line 5 is the fund's, of both transfers together.
    for name in (f"{several}", f"{several}-5"):
        assert error(propose(maker, name)) == (409, "severalTransfers")
    for name in ("999", "999-2", f"{several}-6", "x", str(uuid4())):
        assert propose(maker, name).status_code == 404
    back = reverse(maker, checker, f"{several}-2").json()["transfers"][0]["id"]
    assert error(propose(maker, back)) == (409, "reversalNotReversible")
    payout = books.post(Transfer(purses[1], OUTGOING, 10), kind="payout").transfer_ids[0]
    assert error(propose(maker, payout)) == (409, "payoutNotReversible")


def test_a_reversal_needs_a_reason_an_amount_above_0_and_a_maker(
    books: Books, maker: Client, checker: Client, auditor: Client
) -> None:
    _, transfer = paid(books, "leefgeld", 100)
    for body in (
        {},
        {"reason": ""},
        {"reason": "x", "amount": 0},
        {"reason": "x", "amount": "5"},
        {"reason": "x", "a": 1},
    ):
        assert maker.post(f"/transfers/{transfer}/reversals", json=body).status_code == 400
    for other in (checker, auditor):
        assert propose(other, transfer).status_code == 403


def test_the_general_confirmation_works_too_and_that_of_another_transfer_does_not(
    books: Books, maker: Client, checker: Client
) -> None:
    purse, transfer = paid(books, "leefgeld", 100)
    _, other = paid(books, "leefgeld", 100)
    proposal = propose(maker, transfer, 30).json()["id"]
    for step, body in (("confirmations", {}), ("rejections", {"reason": "nee"})):
        assert checker.post(f"/transfers/{other}/reversals/{proposal}/{step}", json=body).status_code == 404
    assert checker.post(f"/funds/burgerbudget/deposits/{proposal}/confirmations").status_code == 404
    assert checker.post(f"/transfers/{proposal}/confirmations").status_code == 201
    assert books.balance(purse) == 70
    manual = {"kind": "manual", "reason": "x", "transfers": [{"source": FUND, "destination": purse, "amount": 1}]}
    plain = maker.post("/transfers", json=manual).json()["id"]
    assert checker.post(f"/transfers/{transfer}/reversals/{plain}/confirmations").status_code == 404


@pytest.mark.parametrize("general", [True, False])
def test_a_rejected_reversal_posts_nothing(books: Books, maker: Client, checker: Client, general: bool) -> None:
    purse, transfer = paid(books, "leefgeld", 100)
    proposal = propose(maker, transfer).json()["id"]
    at = f"/transfers/{proposal}" if general else f"/transfers/{transfer}/reversals/{proposal}"
    assert maker.post(f"{at}/rejections", json={"reason": "nee"}).status_code == 403
    rejected = checker.post(f"{at}/rejections", json={"reason": "klopte toch"})
    assert (rejected.status_code, rejected.json()["state"], rejected.json()["transfers"]) == (201, "rejected", [])
    assert error(checker.post(f"{at}/confirmations")) == (409, "alreadyDecided")
    assert books.balance(purse) == 100


def test_nobody_takes_back_a_burgerbudget_or_what_it_turned_into(books: Books, maker: Client, checker: Client) -> None:
    owner = books.holder()
    start = books.post(Transfer(FUND, f"{owner}:burgerbudget", 1_000), kind="start").transfer_ids[0]
    use = books.post(Transfer(f"{owner}:burgerbudget", f"{owner}:vrij", 300), kind="use").transfer_ids[0]
    for transfer in (start, use):
        for more in ({}, {"receivable": True}):
            assert error(propose(maker, transfer, 1, **more)) == (409, "protectedPurse")
    # A vrij that burgerbudget never filled may be corrected, until it is filled after all.
    other, gift = paid(books, "vrij", 100)
    late = propose(maker, gift, 50).json()["id"]
    assert reverse(maker, checker, gift, 10).status_code == 201
    books.post(Transfer(FUND, other.replace(":vrij", ":burgerbudget"), 1_000))
    books.post(Transfer(other.replace(":vrij", ":burgerbudget"), other, 1))
    assert error(checker.post(f"/transfers/{late}/confirmations")) == (409, "protectedPurse")
    assert (books.balance(other), books.balance(f"{owner}:vrij")) == (91, 300)


def test_a_deposit_is_taken_back_as_far_as_the_fund_still_has_it(books: Books, maker: Client, checker: Client) -> None:
    paid(books, "leefgeld", 400_000)
    over = propose(maker, "1-2")
    assert error(over) == (409, "tooLittle")
    assert over.json()["errors"][0]["receivable"] is False
    assert reverse(maker, checker, "1-2", 600_000).status_code == 201
    assert (books.balance(FUND), books.balance(BANK)) == (0, -400_000)


def test_money_that_is_spent_or_held_is_not_there_and_only_a_claimable_purse_may_owe_it(
    books: Books, maker: Client, checker: Client
) -> None:
    for purse_code, claimable in (("burgerbaan", True), ("leefgeld", False), ("belkosten", False), ("vrij", False)):
        purse, transfer = paid(books, purse_code, 100)
        books.post(Transfer(purse, OUTGOING, 40), kind="spent")
        books.hold(HoldRequest(uuid4(), purse, 10))
        refused = propose(maker, transfer)
        assert error(refused) == (409, "tooLittle")
        assert (refused.json()["errors"][0]["receivable"], purse in refused.json()["detail"]) == (claimable, True)
        assert ("vordering" in refused.json()["detail"]) is claimable
        if not claimable:
            assert error(propose(maker, transfer, receivable=True)) == (409, "notClaimable")
        assert reverse(maker, checker, transfer, 50).status_code == 201
        assert books.figures(purse) == (10, 10)


def test_what_is_missing_becomes_a_receivable_in_the_same_journal_and_is_paid_off_by_hand(
    books: Books, maker: Client, checker: Client, auditor: Client
) -> None:
    purse, advance = paid(books, "burgerbaan", 47_500)
    books.post(Transfer(purse, OUTGOING, 40_000), kind="spent")
    assert books.balance(FUND) == 952_500
    confirmed = reverse(maker, checker, advance, receivable=True)
    journal = confirmed.json()["journalId"]
    assert (confirmed.status_code, confirmed.json()["transfers"]) == (
        201,
        [{"id": f"{journal}-1"}, {"id": f"{journal}-3"}],
    )
    owed = f"receivable:{purse}"
    assert books.all_figures([FUND, purse, owed]) == {FUND: (1_000_000, 0), purse: (0, 0), owed: (-40_000, 0)}
    account = auditor.get(f"/accounts/{owed}").json()
    assert (account["kind"], account["purse"], account["available"]) == ("receivable", None, None)
    shown = auditor.get(f"/transfers/{advance}").json()
    assert (shown["reversedAmount"], shown["reversedBy"]) == (
        47_500,
        [{"id": f"{journal}-1", "amount": 7_500}, {"id": f"{journal}-3", "amount": 40_000}],
    )
    assert [each["reverses"] for each in auditor.get(f"/transfers/{journal}").json()["transfers"]] == [advance] * 2
    # A second one owes on the same account; nobody pays more than is owed.
    second = books.post(Transfer(FUND, purse, 1_000)).transfer_ids[0]
    books.post(Transfer(purse, OUTGOING, 1_000), kind="spent")
    assert reverse(maker, checker, second, 600, receivable=True).status_code == 201
    assert books.balance(owed) == -40_600
    for amount, status in ((40_601, 409), (40_600, 201)):
        pay = {"source": BANK, "destination": owed, "amount": amount}
        proposal = maker.post("/transfers", json={"kind": "manual", "reason": "betaald", "transfers": [pay]}).json()
        assert checker.post(f"/transfers/{proposal['id']}/confirmations").status_code == status
    assert books.balance(owed) == 0
    assert books.faults() == []


def test_a_receivable_is_opened_for_a_claimable_purse_only_and_in_no_other_way(books: Books) -> None:
    owner = books.holder()
    books.post(Transfer(FUND, f"{owner}:burgerbudget", 10), Transfer(FUND, f"{owner}:leefgeld", 10))
    for purse in (f"{owner}:burgerbudget", f"{owner}:leefgeld", f"{owner}:burgerbaan", FUND):
        with pytest.raises(NotClaimable), books.database.transaction() as db:
            posting.open_receivable(db, purse)
    with pytest.raises(Malformed), books.database.transaction() as db:
        posting.open_account(
            db, f"receivable:{owner}:leefgeld", asset="EUR", kind="receivable", floor=None, ceiling=0, lock_rank=10
        )


def test_the_database_itself_refuses_a_reversal_that_is_none(books: Books) -> None:
    purse, transfer = paid(books, "leefgeld", 100)
    journal = int(transfer.split("-")[0])
    other = f"{books.holder()}:leefgeld"
    between = books.post(Transfer(FUND, other, 100), Transfer(purse, other, 50)).journal_id
    owner = books.holder()
    start = books.post(Transfer(FUND, f"{owner}:burgerbudget", 100)).journal_id
    use = books.post(Transfer(f"{owner}:burgerbudget", f"{owner}:vrij", 60)).journal_id
    payout = books.post(Transfer(other, OUTGOING, 10), kind="payout").journal_id
    with books.database.transaction() as db:
        open_fund_account(db, "other", "Ander", "EUR", "piet")

    def attempt(reverses: tuple[int, int], *transfers: Transfer) -> str:
        with pytest.raises(IntegrityError) as refused:
            books.post(*transfers, kind="reversal", reverses=reverses)
        return str(refused.value.orig).splitlines()[0]

    whole = Transfer(purse, FUND, 50)
    assert "is a reversal itself" in attempt(
        (books.post(whole, kind="reversal", reverses=(journal, 2)).journal_id, 1), Transfer(FUND, purse, 50)
    )
    assert "other accounts" in attempt((journal, 2), Transfer(other, FUND, 1))
    assert "other accounts" in attempt((journal, 2), Transfer(other, "fund:other", 1))
    assert "other accounts" in attempt((journal, 2), Transfer(FUND, other, 1))
    assert "names no transfer" in attempt((journal, 1), Transfer(other, FUND, 1))
    assert "names no transfer" in attempt((journal, 3), Transfer(other, FUND, 1))
    assert "names no transfer" in attempt((999, 2), Transfer(other, FUND, 1))
    assert "names no transfer" in attempt((between, 3), Transfer(other, purse, 1))
    assert "never taken back" in attempt((start, 2), Transfer(f"{owner}:burgerbudget", FUND, 1))
    assert "never taken back" in attempt((use, 2), Transfer(f"{owner}:vrij", f"{owner}:burgerbudget", 1))
    assert "only the bank" in attempt((payout, 1), Transfer(OUTGOING, other, 1))
    books.post(Transfer(other, purse, 30), kind="reversal", reverses=(between, 4))
    assert "took 51 of 50" in attempt((between, 4), Transfer(other, purse, 21))
    assert "took 70 of 50" in attempt((between, 4), Transfer(other, purse, 20), Transfer(other, purse, 20))
    with pytest.raises(IntegrityError, match="names no transfer"):
        books.post(Transfer(other, purse, 1), kind="reversal", reverses=(between, None))  # type: ignore[arg-type]
    assert books.faults() == []


def at_once(acts: list[Callable[[], Any]]) -> Counter[str]:
    def run(act: Callable[[], Any]) -> str:
        try:
            act()
        except Refusal as refusal:
            return refusal.errors[0].code
        except IntegrityError:
            return "integrity"
        return "done"

    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(run, acts))


def proposed(books: Books, transfer: str, amount: int, **more: Any) -> UUID:
    with books.database.transaction() as db:
        return actions.propose_reversal(db, transfer, ReversalIn(amount=amount, reason="x", **more), MIA).id


def confirmed(books: Books, proposal: UUID) -> Callable[[], Any]:
    # transaction(), not run(): a deadlock would not be tried again and would fail the test.
    def act() -> None:
        with books.database.transaction() as db:
            actions.confirm_reversal(db, proposal, CHRIS)

    return act


def test_one_proposal_confirmed_by_eight_at_once_is_carried_out_once(books: Books) -> None:
    purse, transfer = paid(books, "leefgeld", 100)
    proposal = proposed(books, transfer, 30)
    ended = at_once([confirmed(books, proposal)] * 8)
    assert ended["done"] == 1
    assert ended["alreadyDecided"] == 7
    assert (books.balance(purse), books.faults()) == (70, [])


def test_ten_partial_reversals_at_once_take_back_the_whole_and_no_cent_more(books: Books) -> None:
    purse, transfer = paid(books, "leefgeld", 100)
    books.post(Transfer(FUND, purse, 1_000))
    ended = at_once([confirmed(books, proposed(books, transfer, 30)) for _ in range(10)])
    assert ended == {"done": 3, "overReversal": 7}
    assert at_once([confirmed(books, proposed(books, transfer, 10)) for _ in range(4)]) == {
        "done": 1,
        "reversedAlready": 3,
    }
    assert (books.balance(purse), books.faults()) == (1_000, [])


def test_claims_of_one_purse_at_once_open_one_receivable_and_wait_in_no_ring(books: Books) -> None:
    purse = f"{books.holder()}:burgerbaan"
    transfers = [books.post(Transfer(FUND, purse, 100)).transfer_ids[0] for _ in range(8)]
    books.post(Transfer(purse, OUTGOING, 800), kind="spent")
    ended = at_once([confirmed(books, proposed(books, each, 100, receivable=True)) for each in transfers])
    assert ended == {"done": 8}
    assert (books.balance(f"receivable:{purse}"), books.balance(FUND), books.faults()) == (-800, 1_000_000, [])


def test_the_database_counts_by_itself_when_reversals_go_round_the_lock(books: Books) -> None:
    purse, transfer = paid(books, "leefgeld", 100)
    books.post(Transfer(FUND, purse, 1_000))
    journal = int(transfer.split("-")[0])
    acts = [lambda: books.post(Transfer(purse, FUND, 30), kind="reversal", reverses=(journal, 2))] * 10
    assert at_once(acts) == {"done": 3, "integrity": 7}
    assert books.balance(purse) == 1_010
