"""The way to the wallet when the wallet fails: what is tried again, with what, how often, and what is given up."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import httpx
import pytest
import stamina
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    EmptyPoolError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from foundation import outbox
from foundation.database import Database
from foundation.outbox import DeliveryFailed, DeliveryRefused, Handler
from foundation.refusals import Problem, problem
from stadsbeurs import ports
from tests.support.answers import Answers, answering
from tests.support.callers import Callers
from wallet_contract.client import WalletClient
from wallet_contract.messages import CaptureHold, OpenHold, PostTransfers, TransferLine

BASE = "http://wallet.test"
TRANSFERS = "/api/wallet/v1/transfers"
BODY = PostTransfers(
    "use", date(2026, 7, 1), [TransferLine("holder:1:burgerbudget", "holder:1:vrij", 5996, grant_key="use/1")]
).as_json()


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def wallet() -> Iterator[Answers]:
    with answering() as answers:
        yield answers


@pytest.fixture
def client(callers: Callers) -> Iterator[WalletClient]:
    made = WalletClient(BASE, callers.signers["burgerbudget"])
    yield made
    made.close()


def test_a_token_may_be_kept_for_requests_for_nobody_in_particular(wallet: Answers, callers: Callers) -> None:
    route = wallet.post(TRANSFERS).respond(201, json={"id": "j-1", "transferIds": ["t-1"]})
    client = WalletClient(BASE, callers.signers["burgerbudget"], token_kept_s=30)
    for subject in (None, None, "closing/2026-Q3"):
        client.post_transfers(BODY, key="use/1", on_behalf_of=subject)
    client.close()
    tokens = [call.headers["Authorization"].removeprefix("Bearer ") for call in route.calls]
    assert tokens[0] == tokens[1] != tokens[2]
    found = [callers.verifier("wallet").caller(token).on_behalf_of for token in tokens]
    assert found == [None, None, "closing/2026-Q3"]


def refusal(status: int, code: str, **headers: str) -> httpx.Response:
    document = problem(status, "nee", [Problem("/transfers/0", code, "het fonds heeft te weinig")])
    return httpx.Response(status, json=document, headers={"Content-Type": "application/problem+json", **headers})


def test_a_posting_carries_key_body_and_a_token_of_the_service(
    wallet: Answers, client: WalletClient, callers: Callers
) -> None:
    route = wallet.post(TRANSFERS).respond(201, json={"id": "j-1", "transferIds": ["t-1"]})
    answer = client.post_transfers(BODY, key="use/1", on_behalf_of="closing/2026-Q3")
    assert answer == {"id": "j-1", "transferIds": ["t-1"]}
    [call] = route.calls
    assert call.headers["Idempotency-Key"] == "use/1"
    assert json.loads(call.content) == {
        "kind": "use",
        "valueDate": "2026-07-01",
        "late": "firstOpenDay",
        "transfers": [
            {
                "source": "holder:1:burgerbudget",
                "destination": "holder:1:vrij",
                "amount": 5996,
                "asset": "EUR",
                "grantKey": "use/1",
            }
        ],
    }
    caller = callers.verifier("wallet").caller(call.headers["Authorization"].removeprefix("Bearer "))
    assert (caller.service, caller.on_behalf_of) == ("burgerbudget", "closing/2026-Q3")


def test_holds_are_opened_and_released(wallet: Answers, client: WalletClient) -> None:
    opened = wallet.post("/api/wallet/v1/holds").respond(201, json={"id": "h-1"})
    released = wallet.post("/api/wallet/v1/holds/h-1/releases").respond(201, json={"id": "h-1"})
    hold = OpenHold("fund:burgerbudget", 53964, "closing/2026-Q3").as_json()
    assert client.open_hold(hold, key="reserve/2026-Q3") == {"id": "h-1"}
    assert client.release_hold("h-1", key="release/2026-Q3") == {"id": "h-1"}
    assert json.loads(opened.calls[0].content) == {
        "account": "fund:burgerbudget",
        "amount": 53964,
        "asset": "EUR",
        "purpose": "closing/2026-Q3",
    }
    assert json.loads(released.calls[0].content) == {}


def test_a_hold_of_what_there_is_says_its_minimum_and_its_end() -> None:
    until = datetime(2026, 11, 3, 14, 5, tzinfo=timezone(timedelta(hours=1)))
    hold = OpenHold("holder:1:belkosten", 500, "call/1", minimum=4, expires_at=until)
    assert hold.as_json() == {
        "account": "holder:1:belkosten",
        "amount": 500,
        "asset": "EUR",
        "purpose": "call/1",
        "minimum": 4,
        "expiresAt": "2026-11-03T14:05:00+01:00",
    }


def test_holds_are_captured_and_let_go_of_with_a_posting(wallet: Answers, client: WalletClient) -> None:
    captures = wallet.post("/api/wallet/v1/holds/h-1/captures").respond(201, json={"id": "j-1"})
    posted = wallet.post(TRANSFERS).respond(201, json={"id": "j-2"})
    whole = CaptureHold("clearing:belkosten", 42, "call", date(2026, 11, 3), grant_key="call/1", final=True)
    part = CaptureHold("payable:1:belkosten", 5, "capture", date(2026, 11, 3), reference="r", explanation="e")
    for body in (whole, part):
        assert client.capture_hold("h-1", body.as_json(), key="call/1") == {"id": "j-1"}
    assert [json.loads(call.content) for call in captures.calls] == [
        {
            "destination": "clearing:belkosten",
            "amount": 42,
            "kind": "call",
            "valueDate": "2026-11-03",
            "late": "firstOpenDay",
            "final": True,
            "grantKey": "call/1",
        },
        {
            "destination": "payable:1:belkosten",
            "amount": 5,
            "kind": "capture",
            "valueDate": "2026-11-03",
            "late": "firstOpenDay",
            "final": False,
            "reference": "r",
            "explanation": "e",
        },
    ]
    line = TransferLine("holder:1:belkosten", "clearing:belkosten", 42, hold_id="h-1")
    body = PostTransfers("call", date(2026, 11, 3), [line], releases=("h-1", "h-2")).as_json()
    client.post_transfers(body, key="import/1")
    assert json.loads(posted.calls[0].content)["releases"] == ["h-1", "h-2"]
    assert "releases" not in BODY


def test_many_holds_are_one_request_that_may_be_sent_again(wallet: Answers, client: WalletClient) -> None:
    items = [
        {"id": str(UUID(int=1)), "hold": {"amount": 4}},
        {"id": str(UUID(int=2)), "refusal": {"code": "tooLittle"}},
    ]
    route = wallet.put("/api/wallet/v1/holds").behave([httpx.Response(503), httpx.Response(200, json={"items": items})])
    hold = OpenHold("holder:1:belkosten", 500, "call/1", minimum=4)
    assert client.have_holds({UUID(int=1): hold, UUID(int=2): hold}) == items
    assert [json.loads(call.content) for call in route.calls] == [
        {"holds": [{"id": str(UUID(int=n)), **hold.as_json()} for n in (1, 2)]}
    ] * 2


def test_many_balances_are_one_question(wallet: Answers, client: WalletClient) -> None:
    route = wallet.get("/api/wallet/v1/balances").respond(200, json={"items": [{"account": "fund:belkosten"}]})
    assert client.balances(["fund:belkosten", "clearing:belkosten"]) == [{"account": "fund:belkosten"}]
    [call] = route.calls
    assert call.url.params.get_list("account") == ["fund:belkosten", "clearing:belkosten"]


NOWHERE = urllib3.HTTPConnectionPool("nowhere.test")
OUTAGES: dict[str, Any] = {
    "connection refused": NewConnectionError(NOWHERE, "refused"),
    "time-out on connecting": ConnectTimeoutError("slow"),
    "time-out on the answer": ReadTimeoutError(NOWHERE, "/", "slow"),
    "cut off": ProtocolError("cut"),
    "no connection left": EmptyPoolError(NOWHERE, "all are busy"),
    "500": httpx.Response(500),
    "500 with a problem": refusal(500, "500"),
    "501": httpx.Response(501),
    "502 of a proxy": httpx.Response(502, text="<html>bad gateway</html>"),
    "503": httpx.Response(503, headers={"Retry-After": "7"}),
    "504": httpx.Response(504),
    "507": httpx.Response(507),
    "429": refusal(429, "tooMany"),
    "408": httpx.Response(408),
    "a redirect": httpx.Response(302, headers={"Location": "http://elsewhere.test/"}),
    "still running": refusal(409, "stillRunning", **{"Retry-After": "1"}),
    "success that is no JSON": httpx.Response(200, text="<html>ok</html>"),
}


@pytest.mark.parametrize("outage", sorted(OUTAGES))
def test_an_outage_is_tried_again_with_the_same_key_and_body_and_a_new_token(
    outage: str, wallet: Answers, client: WalletClient
) -> None:
    route = wallet.post(TRANSFERS).behave([OUTAGES[outage], httpx.Response(201, json={"id": "j-1"})])
    assert client.post_transfers(BODY, key="use/1") == {"id": "j-1"}
    first, second = route.calls
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] == "use/1"
    assert first.content == second.content
    assert first.headers["Authorization"] != second.headers["Authorization"]


@pytest.mark.parametrize("outage", sorted(OUTAGES))
def test_an_outage_that_stays_is_given_back_after_three_tries(
    outage: str, wallet: Answers, client: WalletClient
) -> None:
    route = wallet.post(TRANSFERS).behave(OUTAGES[outage])
    with pytest.raises(DeliveryFailed) as failure:
        client.post_transfers(BODY, key="use/1")
    assert len(route.calls) == 3
    assert failure.value.retry_after_s == {"503": 7.0, "still running": 1.0}.get(outage)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refusal(409, "tooLittle"), "tooLittle"),
        (refusal(422, "idempotencyKeyReused"), "idempotencyKeyReused"),
        (refusal(400, "malformed"), "malformed"),
        (refusal(403, "roleNotAllowed"), "roleNotAllowed"),
        (refusal(404, "unknownHold"), "unknownHold"),
        (refusal(413, "tooLarge"), "tooLarge"),
        (httpx.Response(409), "409"),
        (httpx.Response(409, text="nee"), "409"),
        (httpx.Response(409, json=[]), "409"),
        (httpx.Response(409, json={"errors": []}), "409"),
        (httpx.Response(409, json={"errors": ["x"]}), "409"),
        (httpx.Response(409, json={"errors": {"code": "x"}}), "409"),
        (httpx.Response(409, json={"errors": [{"code": None}]}), "409"),
    ],
)
def test_a_no_of_the_wallet_is_final_and_asked_once(
    answer: httpx.Response, code: str, wallet: Answers, client: WalletClient
) -> None:
    route = wallet.post(TRANSFERS).behave(answer)
    with pytest.raises(DeliveryRefused) as refused:
        client.post_transfers(BODY, key="use/1")
    assert len(route.calls) == 1
    assert refused.value.code == code
    assert refused.value.message


@pytest.mark.parametrize("value", ["soon", "-5", "1.5", "²", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_wish_to_wait_that_is_no_number_of_seconds_is_passed_over(
    value: str, wallet: Answers, client: WalletClient
) -> None:
    wallet.post(TRANSFERS).behave(httpx.Response(503, headers=[(b"Retry-After", value.encode("latin-1"))]))
    with pytest.raises(DeliveryFailed) as failure:
        client.post_transfers(BODY, key="use/1")
    assert failure.value.retry_after_s is None


def test_a_wallet_that_is_not_there_is_an_outage(callers: Callers) -> None:
    client = WalletClient(f"http://127.0.0.1:{ports.pick()}", callers.signers["burgerbudget"])
    with pytest.raises(DeliveryFailed):
        client.post_transfers(BODY, key="use/1")
    client.close()


def test_all_tries_together_stay_within_the_deadline(callers: Callers) -> None:
    """A wallet that takes the request and never answers: the deadline is of the call, not of each try."""
    with socket.create_server(("127.0.0.1", 0)) as server, stamina.set_testing(False):
        taken: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        client = WalletClient(
            f"http://127.0.0.1:{server.getsockname()[1]}", callers.signers["burgerbudget"], deadline_s=1
        )
        began = time.monotonic()
        with pytest.raises(DeliveryFailed, match="ReadTimeoutError"):
            client.post_transfers(BODY, key="use/1")
        assert time.monotonic() - began < 2
        client.close()
        for one in taken:
            one.close()


def test_from_the_outbox_a_retry_keeps_its_key_and_a_resumption_takes_a_new_one(
    burgerbudget_database: Database, wallet: Answers, client: WalletClient
) -> None:
    route = wallet.post(TRANSFERS).behave(httpx.Response(503))
    handler = Handler(lambda row: client.post_transfers(row.payload, key=row.request_key))
    row_id = burgerbudget_database.run(lambda db: outbox.enqueue(db, "post-transfers", "use/1", BODY))

    def deliver_now() -> None:
        from sqlalchemy import text

        with burgerbudget_database.transaction() as db:
            db.execute(text("UPDATE outbox SET next_at = next_at - interval '1 hour'"))
        outbox.deliver_one(burgerbudget_database, {"post-transfers": handler})

    deliver_now()
    deliver_now()
    route.behave(refusal(409, "tooLittle"))
    deliver_now()
    route.behave(httpx.Response(201, json={"id": "j-1"}))
    burgerbudget_database.run(lambda db: outbox.resume(db, row_id))
    deliver_now()
    keys = [call.headers["Idempotency-Key"] for call in route.calls]
    assert keys == ["use/1"] * 7 + ["use/1#1"]
    assert len({call.content for call in route.calls}) == 1
