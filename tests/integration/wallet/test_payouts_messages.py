"""What the bank sends, how it is kept, and the stand-in bank (PO-5)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from foundation.database import Database
from tests.integration.wallet.payouts_house import NOBODY, House, code_of
from tests.support.callers import Callers
from wallet.payouts.settings import PayoutSettings


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"<x/>", "application/json", 415, "notXml"),
        (b"", "application/xml", 400, "malformed"),
        (b"<x/>", "application/xml", 400, "unknownMessage"),
        (b"<!DOCTYPE x><x/>", "text/xml", 400, "doctypeRefused"),
        (b" " * (32 * 1024 * 1024 + 1), "application/xml", 413, "tooLarge"),
    ],
    ids=["other media type", "empty", "other XML", "document type", "over 32 MiB"],
)
def test_what_is_no_message_is_refused_and_not_kept(
    house: House, content: bytes, media_type: str, status: int, code: str
) -> None:
    answer = house.maker.post("/bank-messages", content=content, headers={"Content-Type": media_type})
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert house.maker.get("/bank-messages").json()["items"] == []


def test_messages_and_lists_come_in_pages(house: House, three: list[str]) -> None:
    batch = house.sent()
    statement = house.statement(batch, returns=[{"holder": three[0]}])
    for _ in range(3):
        house.read(statement)
    page = house.auditor.get("/bank-messages?limit=2").json()
    assert [item["repeated"] for item in page["items"]] == [2, 2]
    rest = house.auditor.get(f"/bank-messages?limit=2&cursor={page['nextCursor']}").json()
    assert ([item["matched"] for item in rest["items"]], rest["nextCursor"]) == ([1], None)
    entries = house.auditor.get(f"/bank-messages/{rest['items'][0]['id']}/entries?limit=1").json()
    more = house.auditor.get(
        f"/bank-messages/{rest['items'][0]['id']}/entries?limit=1&cursor={entries['nextCursor']}"
    ).json()
    assert [entries["items"][0]["outcome"], more["items"][0]["outcome"]] == ["matched", "returned"]
    assert more["items"][0]["reasonText"] == "Rekening is opgeheven"
    lines = house.auditor.get(f"/payout-batches/{batch}/lines?limit=2").json()
    following = house.auditor.get(f"/payout-batches/{batch}/lines?limit=2&cursor={lines['nextCursor']}").json()
    assert [line["lineNo"] for line in lines["items"] + following["items"]] == [1, 2, 3]
    assert lines["items"][0]["iban"].startswith("NL****")
    second = house.draft("2026-10-02")["id"]
    batches = house.auditor.get("/payout-batches?limit=1").json()
    older = house.auditor.get(f"/payout-batches?limit=1&cursor={batches['nextCursor']}").json()
    assert [batches["items"][0]["id"], older["items"][0]["id"]] == [second, batch]
    assert [item["id"] for item in house.auditor.get("/payout-batches?state=draft").json()["items"]] == [second]


def test_names_and_accounts_in_a_message_are_kept_encrypted(
    house: House, three: list[str], wallet_superuser_url: str
) -> None:
    house.read(house.statement(house.sent()))
    with psycopg.connect(wallet_superuser_url) as connection:
        (ciphertext,) = connection.execute("SELECT ciphertext FROM payouts.bank_message").fetchone()  # type: ignore[misc]
    assert b"BkToCstmrStmt" not in ciphertext


def test_the_stand_in_bank_is_there_on_a_local_installation_only(
    wallet_database: Database, callers: Callers, today: Callable[[str], None], house: House, three: list[str]
) -> None:
    batch = house.sent()
    assert house.maker.post("/stand-in-bank/statements", json={"batchId": NOBODY}).status_code == 404
    planted = {"batchId": batch, "returns": [{"holder": NOBODY}]}
    assert code_of(house.maker.post("/stand-in-bank/statements", json=planted)) == "unknownPayment"
    settings = PayoutSettings(
        environment="local", bank="files", signing_key_file=Path("none"), trusted_keys_file=Path("none")
    )
    real = House(wallet_database, callers, today, settings)
    for kind in ("statements", "status-reports"):
        assert real.maker.post(f"/stand-in-bank/{kind}", json={"batchId": batch}).status_code == 404


@pytest.mark.parametrize("left_out", ["municipality_name", "debtor_iban", "bank"])
def test_production_refuses_the_values_of_a_development_machine(left_out: str) -> None:
    named = {"municipality_name": "Gemeente X", "debtor_iban": "NL91ABNA0417164300", "bank": "files"}
    named.pop(left_out)
    with pytest.raises(ValueError, match=left_out.upper()):
        PayoutSettings(
            environment="production",
            signing_key_file=Path("k"),
            trusted_keys_file=Path("k"),
            **named,  # type: ignore[arg-type]
        )
