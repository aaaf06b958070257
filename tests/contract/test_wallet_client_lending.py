"""What the scheme that lends asks of the wallet: each question as it goes over the line, and each way to fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import stamina
from urllib3.exceptions import ProtocolError

from foundation.outbox import DeliveryFailed, DeliveryRefused
from foundation.refusals import Problem, problem
from tests.support.answers import Answers, answering
from tests.support.callers import Callers
from wallet_contract import accounts
from wallet_contract.client import WalletClient

BASE = "http://wallet.test"
LOAN = "0199f5a0-0000-7000-8000-000000000001"
ADDRESS = f"loan:{LOAN}:outstanding"


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def wallet() -> Iterator[Answers]:
    with answering("/api/wallet/v1") as answers:
        yield answers


@pytest.fixture
def client(callers: Callers) -> Iterator[WalletClient]:
    made = WalletClient(BASE, callers.signers["sociaal-krediet"])
    yield made
    made.close()


POSTS: dict[str, tuple[Callable[[WalletClient], Any], str, dict[str, Any]]] = {
    "open a loan": (
        lambda client: client.open_loan_account(LOAN, 175_000, key="k", on_behalf_of="carla"),
        "/loan-accounts",
        {"loan": LOAN, "principal": 175_000},
    ),
    "register a reference": (
        lambda client: client.register_reference("RF18539007547034", "loan/1", key="k", on_behalf_of="carla"),
        "/payment-references",
        {"reference": "RF18539007547034", "subject": "loan/1"},
    ),
    "create a payee": (
        lambda client: client.create_payee({"name": "Woonbron", "iban": "NL91"}, key="k", on_behalf_of="carla"),
        "/payees",
        {"name": "Woonbron", "iban": "NL91"},
    ),
    "confirm a payee": (
        lambda client: client.confirm_payee("p-1", "i-1", key="k", on_behalf_of="carla"),
        "/payees/p-1/confirmations",
        {"ibanId": "i-1"},
    ),
}
READS: dict[str, tuple[Callable[[WalletClient], Any], str]] = {
    "account": (lambda client: client.account(accounts.lent("sociaal-krediet")), "/accounts/lent:sociaal-krediet"),
    "loan": (lambda client: client.account(accounts.loan(LOAN)), f"/accounts/{ADDRESS}"),
    "fund": (lambda client: client.fund("sociaal-krediet"), "/funds/sociaal-krediet"),
    "payee": (lambda client: client.payee("p-1"), "/payees/p-1"),
}


@pytest.mark.parametrize("name", sorted(POSTS))
def test_a_command_carries_its_key_its_body_and_the_person_it_is_for(
    name: str, wallet: Answers, client: WalletClient, callers: Callers
) -> None:
    ask, path, body = POSTS[name]
    route = wallet.post(path).respond(201, json={"id": "x-1"})
    assert ask(client) == {"id": "x-1"}
    [call] = route.calls
    assert (call.headers["Idempotency-Key"], json.loads(call.content)) == ("k", body)
    caller = callers.verifier("wallet").caller(call.headers["Authorization"].removeprefix("Bearer "))
    assert (caller.service, caller.on_behalf_of) == ("sociaal-krediet", "carla")


@pytest.mark.parametrize("name", sorted(READS))
def test_a_read_is_tried_again_and_gives_what_the_wallet_says(name: str, wallet: Answers, client: WalletClient) -> None:
    ask, path = READS[name]
    route = wallet.get(path).behave([httpx.Response(503), httpx.Response(200, json={"balance": -139})])
    assert ask(client) == {"balance": -139}
    assert len(route.calls) == 2


@pytest.mark.parametrize("name", sorted(READS))
def test_a_read_of_what_is_not_there_is_refused_and_of_a_wallet_that_is_away_fails(
    name: str, wallet: Answers, client: WalletClient
) -> None:
    ask, path = READS[name]
    document = problem(404, "niet gevonden", [Problem("", "notFound", "Deze rekening is er niet.")])
    route = wallet.get(path).respond(404, json=document)
    with pytest.raises(DeliveryRefused) as refused:
        ask(client)
    assert (refused.value.code, len(route.calls)) == ("notFound", 1)
    route.respond(503, headers={"Retry-After": "7"})
    with pytest.raises(DeliveryFailed) as failed:
        ask(client)
    assert failed.value.retry_after_s == 7.0


def test_announcements_are_asked_for_and_taken_under_a_key_that_follows_from_what_is_taken(
    wallet: Answers, client: WalletClient
) -> None:
    items = [{"id": "a-2", "kind": "receipt", "content": {"amount": 4_861}, "announcedAt": "2026-10-01T10:00:00Z"}]
    asked = wallet.get("/announcements").respond(200, json={"items": items})
    assert client.announcements(limit=20) == items
    assert asked.calls[0].url.params["limit"] == "20"
    taken = wallet.post("/announcements/takings").behave(
        [ProtocolError("cut"), *(httpx.Response(201, json={"taken": n}) for n in (2, 0, 1))]
    )
    assert [client.take_announcements(ids) for ids in (["a-2", "a-1"], ["a-1", "a-2"], ["a-1"])] == [2, 0, 1]
    keys = [call.headers["Idempotency-Key"] for call in taken.calls]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert [json.loads(call.content)["ids"] for call in taken.calls] == [["a-1", "a-2"]] * 3 + [["a-1"]]


def test_who_is_unknown_is_asked_anew_each_time_and_a_try_again_is_the_same_question(
    wallet: Answers, client: WalletClient
) -> None:
    asked = wallet.post("/holder-checks").behave(
        [ProtocolError("cut"), *(httpx.Response(200, json={"unknown": u}) for u in (["b"], []))]
    )
    assert [client.unknown_holders(["a", "b"], on_behalf_of="hanna") for _ in range(2)] == [["b"], []]
    keys = [call.headers["Idempotency-Key"] for call in asked.calls]
    assert keys[0] == keys[1] != keys[2]
    assert json.loads(asked.calls[2].content) == {"holders": ["a", "b"]}


def test_the_accounts_of_lending_have_one_name_each() -> None:
    assert accounts.loan(LOAN) == ADDRESS
    assert accounts.lent("sociaal-krediet") == "lent:sociaal-krediet"
    assert accounts.clearing("sociaal-krediet") == "clearing:sociaal-krediet"
    assert accounts.payable("p-1", "krediet") == "payable:p-1:krediet"
    assert accounts.BANK_STRIPE == "bank:stripe"
