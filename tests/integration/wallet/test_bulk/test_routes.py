"""Transfer batches over HTTP: who may, what comes back, what is refused with which code, and the receipt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import FastAPI
from joserfc.jwk import OKPKey

from foundation.access import Role
from foundation.application import create_api
from foundation.database import Database
from foundation.work import Worker
from tests.integration.wallet.bulk_house import BulkHouse, csv_of
from tests.integration.wallet.ledger_books import FUND
from tests.support.callers import Callers, Client
from wallet import tasks
from wallet.audit.actions import seal_due_blocks
from wallet.audit.receipts.actions import SIGNED_AS
from wallet.audit.receipts.routes import router as receipt_router
from wallet.ledger.bulk.files import MAX_FILE_BYTES
from wallet.ledger.bulk.routes import router

CSV = {"Content-Type": "text/csv"}
ASKED = {"kind": "gift", "source": FUND, "asset": "EUR", "valueDate": "2026-10-01", "reason": "Kerstgift"}


@dataclass(frozen=True)
class SealFiles:
    seal_key_file: Path
    anchor_file: Path


@pytest.fixture
def house(wallet_database: Database) -> BulkHouse:
    return BulkHouse(wallet_database)


@pytest.fixture
def files(tmp_path: Path) -> SealFiles:
    key = tmp_path / "seal-key.json"
    key.write_text(json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)), encoding="ascii")
    return SealFiles(key, tmp_path / "anchor")


@pytest.fixture
def rung() -> list[Any]:
    return []


@pytest.fixture
def api(house: BulkHouse, callers: Callers, files: SealFiles, rung: list[Any]) -> FastAPI:
    return create_api(
        "wallet",
        database=house.database,
        verifier=callers.verifier("wallet"),
        routers=[router, receipt_router],
        state={"settings": files, "ring_bulk": rung.append},
    )


@pytest.fixture
def maker(api: FastAPI, callers: Callers) -> Client:
    return callers.client(api, "wallet", Role.FINANCE_MAKER, "mara")


@pytest.fixture
def checker(api: FastAPI, callers: Callers) -> Client:
    return callers.client(api, "wallet", Role.FINANCE_CHECKER, "chuck")


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["errors"][0]["code"])


def pointer(answer: Any) -> str:
    return str(answer.json()["errors"][0]["pointer"])


def hand_in(client: Client, content: bytes, **asked: Any) -> Any:
    headers = {**CSV, **asked.pop("headers", {})}
    params = {name: value for name, value in {**ASKED, **asked}.items() if value is not None}
    return client.post("/transfer-batches", content=content, params=params, headers=headers)


def three_gifts(house: BulkHouse) -> bytes:
    return csv_of([(f"{owner}:vrij", 100, f"gift/{number}") for number, owner in enumerate(house.holders(3))])


def test_a_file_becomes_a_batch_that_two_people_and_the_worker_bring_to_its_receipt(
    house: BulkHouse, files: SealFiles, rung: list[Any], maker: Client, checker: Client, auditor: Client
) -> None:
    content = three_gifts(house) + b"holder:nobody:vrij;5;gift/3;;\n"
    accepted = hand_in(maker, content)
    assert accepted.status_code == 202
    assert accepted.json()["state"] == "loading"
    path = f"/transfer-batches/{accepted.json()['id']}"
    house.work()
    found = maker.get(path).json()
    assert (found["state"], found["lines"], found["exceptions"], found["total"]) == ("checked", 4, 1, 300)
    assert (found["asset"], found["valueDate"], found["maker"], found["receipt"]) == ("EUR", "2026-10-01", "mara", None)

    refused = maker.post(f"{path}/submissions")
    assert code(refused) == (409, "hasExceptions")
    submitted = maker.post(f"{path}/submissions?partial=true").json()
    assert (submitted["state"], submitted["partial"]) == ("submitted", True)
    assert code(auditor.get(f"{path}/receipt")) == (409, "notPosted")
    approved = checker.post(f"{path}/approvals", json={"contentHash": submitted["contentHash"]}).json()
    assert (approved["state"], approved["approvedBy"], len(rung)) == ("approved", "chuck", 3)
    house.work()

    posted = auditor.get(path).json()
    assert (posted["state"], posted["postedLines"], posted["postedTotal"], posted["exceptions"]) == (
        "posted",
        3,
        300,
        1,
    )
    assert posted["receipt"] == f"{path}/receipt"
    early = auditor.get(f"{path}/receipt").json()
    assert (early["receipt"]["sealed"], early["receipt"]["blocks"]) == (False, [])
    assert seal_due_blocks(house.database, files) == 1
    answer = auditor.get(f"{path}/receipt").json()
    receipt = answer["receipt"]
    assert receipt["sealed"] is True
    assert [(block["number"], block["journals"]) for block in receipt["blocks"]] == [(1, 1)]
    assert (receipt["lines"], receipt["excludedLines"], receipt["postedLines"], receipt["failedLines"]) == (4, 1, 3, 0)
    assert (receipt["total"], receipt["postedTotal"], receipt["failedTotal"]) == (300, 300, 0)
    assert receipt["exceptions"] == [{"code": "unknownAccount", "lines": 1}]
    assert (receipt["contentHash"], receipt["firstJournal"]) == (submitted["contentHash"], posted["firstJournal"])
    assert json.loads(answer["signed"]) == receipt
    public = OKPKey.import_key(json.loads(files.seal_key_file.read_text())).public_key
    assert isinstance(public, Ed25519PublicKey)
    public.verify(bytes.fromhex(answer["signature"]), (SIGNED_AS + answer["signed"]).encode())
    assert auditor.get(f"{path}/receipt").json() == answer, "the same each time"


def test_lines_and_exceptions_come_in_pages(house: BulkHouse, maker: Client, checker: Client) -> None:
    content = three_gifts(house) + b"x:1;5;gift/0;;\nx:2;0;gift/4;;\n"
    path = f"/transfer-batches/{hand_in(maker, content).json()['id']}"
    house.work()
    first = maker.get(f"{path}/exceptions?limit=2")
    assert [(one["line"], one["code"]) for one in first.json()["items"]] == [
        (5, "duplicateGrantKey"),
        (5, "unknownAccount"),
    ]
    assert 'rel="next"' in first.headers["Link"]
    second = maker.get(f"{path}/exceptions", params={"limit": 2, "cursor": first.json()["nextCursor"]}).json()
    assert second == {
        "items": [
            {
                "line": 6,
                "code": "amountOutOfRange",
                "message": "Een bedrag is een geheel getal van 1 tot 1000000000000000, niet '0'.",
                "stage": "loading",
            }
        ],
        "nextCursor": None,
    }
    unknown = maker.get(f"{path}/exceptions?code=unknownAccount").json()
    assert [one["line"] for one in unknown["items"]] == [5]

    submitted = maker.post(f"{path}/submissions?partial=true").json()
    checker.post(f"{path}/approvals", json={"contentHash": submitted["contentHash"]})
    house.work()
    lines = maker.get(f"{path}/lines?limit=3").json()
    assert [(one["line"], one["amount"], one["grantKey"], one["exceptions"]) for one in lines["items"]] == [
        (2, 100, "gift/0", []),
        (3, 100, "gift/1", []),
        (4, 100, "gift/2", []),
    ]
    journal = maker.get(path).json()["firstJournal"]
    assert [one["transferId"] for one in lines["items"]] == [f"{journal}-{line}" for line in (2, 4, 6)]
    rest = maker.get(f"{path}/lines", params={"cursor": lines["nextCursor"]}).json()
    assert [(one["line"], one["exceptions"], one["transferId"]) for one in rest["items"]] == [
        (5, ["duplicateGrantKey", "unknownAccount"], None)
    ]
    assert code(maker.get(f"{path}/lines?cursor=x")) == (400, "unknownCursor")


def test_a_service_posts_its_own_file_sees_its_own_batches_and_no_others(
    house: BulkHouse, maker: Client, burgerbudget: Client, auditor: Client
) -> None:
    by_hand = hand_in(maker, three_gifts(house)).json()["id"]
    own = hand_in(burgerbudget, three_gifts(house), kind="use", reason=None).json()["id"]
    house.work()
    assert code(burgerbudget.get(f"/transfer-batches/{by_hand}")) == (404, "unknownBatch")
    assert [one["id"] for one in burgerbudget.get("/transfer-batches").json()["items"]] == [own]
    assert [one["id"] for one in auditor.get("/transfer-batches").json()["items"]] == [own, by_hand]
    submitted = burgerbudget.post(f"/transfer-batches/{own}/submissions")
    assert (submitted.status_code, submitted.json()["state"]) == (200, "approved")
    house.work()
    assert burgerbudget.get(f"/transfer-batches/{own}").json()["postedTotal"] == 300
    assert auditor.get("/transfer-batches?state=posted&limit=1").json()["items"][0]["id"] == own


def test_too_little_is_told_with_the_account_and_the_same_step_succeeds_after_a_deposit(
    wallet_database: Database, api: FastAPI, burgerbudget: Client, house: BulkHouse
) -> None:
    owner = house.holder()
    own = hand_in(burgerbudget, csv_of([(f"{owner}:vrij", 1_000_000_001, "a")]), kind="use").json()["id"]
    house.work()
    answer = burgerbudget.post(f"/transfer-batches/{own}/submissions")
    assert code(answer) == (409, "tooLittle")
    assert FUND in answer.json()["detail"]
    assert burgerbudget.get(f"/transfer-batches/{own}").json()["state"] == "checked"


def test_the_same_request_again_is_the_same_batch_and_another_file_under_its_key_is_422(
    house: BulkHouse, maker: Client
) -> None:
    content, key = three_gifts(house), {"Idempotency-Key": "one"}
    first, again = hand_in(maker, content, headers=key), hand_in(maker, content, headers=key)
    assert (first.json(), again.headers["Idempotency-Hit"]) == (again.json(), "true")
    other = hand_in(maker, content + b"x;1;y;;\n", headers=key)
    assert code(other) == (422, "idempotencyKeyReused")
    assert len(house.rows("SELECT 1 FROM ledger.bulk_batch")) == 1


def test_what_is_malformed_is_400_with_the_way_to_it(house: BulkHouse, maker: Client) -> None:
    content = three_gifts(house)
    for name, value in (("kind", "Gift!"), ("source", "nowhere"), ("asset", "euro"), ("valueDate", "1")):
        answer = hand_in(maker, content, **{name: value})
        assert (answer.status_code, pointer(answer)) == (400, f"query/{name}")
    assert hand_in(maker, content, source=None).status_code == 400
    assert code(hand_in(maker, content, reason=None)) == (400, "reasonMissing")
    assert code(hand_in(maker, b"a;b\n1;2\n")) == (400, "wrongHeader")
    assert code(hand_in(maker, content + b"\x00")) == (400, "nulByte")
    assert code(hand_in(maker, content, headers={"Content-Type": "application/json"})) == (415, "unsupportedType")
    assert code(hand_in(maker, content, headers={"Idempotency-Key": ""})) == (400, "idempotencyKeyMissing")
    path = f"/transfer-batches/{hand_in(maker, content).json()['id']}"
    assert maker.post(f"{path}/submissions?partial=maybe").status_code == 400
    assert house.rows("SELECT count(*) AS n FROM ledger.bulk_batch")[0].n == 1


def test_a_file_that_says_it_is_too_large_is_413_before_it_is_read(maker: Client) -> None:
    answer = hand_in(maker, b"x", headers={"Content-Length": str(MAX_FILE_BYTES + 2)})
    assert code(answer) == (413, "tooLarge")


def test_rules_say_no_with_403_404_and_409(house: BulkHouse, maker: Client, checker: Client, auditor: Client) -> None:
    path = f"/transfer-batches/{hand_in(maker, three_gifts(house)).json()['id']}"
    nothing = {"contentHash": "0" * 64}
    assert code(maker.post(f"{path}/submissions")) == (409, "wrongState")
    house.work()
    shown = maker.post(f"{path}/submissions").json()["contentHash"]
    assert code(maker.post(f"{path}/approvals", json={"contentHash": shown})) == (403, "roleNotAllowed")
    assert code(auditor.post(f"{path}/withdrawals")) == (403, "roleNotAllowed")
    assert code(checker.post(f"{path}/approvals", json=nothing)) == (409, "wrongHash")
    assert checker.post(f"{path}/approvals", json={"contentHash": "x"}).status_code == 400
    for call in (
        checker.post(f"/transfer-batches/{uuid4()}/approvals", json=nothing),
        maker.get("/transfer-batches/x"),
        maker.get(f"/transfer-batches/{uuid4()}/lines"),
        maker.get(f"/transfer-batches/{uuid4()}/receipt"),
        maker.post(f"/transfer-batches/{uuid4()}/withdrawals"),
    ):
        assert code(call) == (404, "unknownBatch")
    withdrawn = maker.post(f"{path}/withdrawals")
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")
    assert code(checker.post(f"{path}/approvals", json={"contentHash": shown})) == (409, "wrongState")


def test_a_maker_who_is_also_a_checker_does_not_approve_what_is_their_own(
    api: FastAPI, callers: Callers, house: BulkHouse, maker: Client
) -> None:
    path = f"/transfer-batches/{hand_in(maker, three_gifts(house)).json()['id']}"
    house.work()
    shown = maker.post(f"{path}/submissions").json()["contentHash"]
    same = callers.client(api, "wallet", Role.FINANCE_CHECKER, "mara")
    assert code(same.post(f"{path}/approvals", json={"contentHash": shown})) == (403, "sameSubject")
    assert house.figures(FUND) == (1_000_000_000, 0)


def test_a_service_never_gets_at_the_hold_of_its_batch(house: BulkHouse, burgerbudget: Client) -> None:
    own = hand_in(burgerbudget, three_gifts(house), kind="use").json()["id"]
    house.work()
    burgerbudget.post(f"/transfer-batches/{own}/submissions")
    [event] = house.rows("SELECT hold_id, actor FROM ledger.hold_event")
    assert (str(event.hold_id), event.actor) == (own, f"transfer-batch/{own}")


def test_the_bell_rings_for_a_task_of_the_worker_that_does_the_work_of_the_batches(
    house: BulkHouse, files: SealFiles
) -> None:
    worker = Worker("wallet", redis_url="redis://127.0.0.1:1/0", database=lambda: house.database)
    tasks.register(worker, cast(Any, files))
    batch_id = house.send(three_gifts(house))
    worker.celery.tasks[tasks.BULK]("any id")
    assert house.batch(batch_id).state == "checked"
