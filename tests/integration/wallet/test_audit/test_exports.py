"""Exports over HTTP: the tables, what cuts them, and the manifest that they are checked against."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from foundation.access import Role
from tests.integration.wallet.test_audit.conftest import ANNA, BEN, CAS, Books, SealedBooks
from tests.support.callers import Callers, Client
from wallet.audit.exports import actions
from wallet.audit.exports.queries import COLUMNS

ALL = {"from": "2026-10-01", "to": "2026-10-01"}
KINDS = ("csv", "jsonl", "xaf")


@pytest.fixture(autouse=True)
def _on_the_day(today: Callable[[str], None]) -> None:
    today("2026-10-01")


def csv_rows(client: Client, **query: Any) -> list[dict[str, str]]:
    answer = client.get("/exports/csv", params=query)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def json_rows(client: Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get("/exports/jsonl", params=query)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.content.decode().splitlines()]


def test_every_entry_is_in_the_table_with_its_journal(auditor: Client, sealed: SealedBooks) -> None:
    rows = csv_rows(auditor)

    assert list(rows[0]) == list(COLUMNS)
    # Deposit: both sides. Start: three purses and the fund, whose lines are merged. Use and payout: both sides.
    amounts = [(row["kind"], row["account"], int(row["amount"]), int(row["balanceAfter"])) for row in rows]
    assert amounts == [
        ("deposit", "fund:burgerbudget", 100_000, 100_000),
        ("deposit", "bank:current", -100_000, -100_000),
        ("start", f"{ANNA}:burgerbudget", 10_000, 10_000),
        ("start", f"{BEN}:burgerbudget", 10_000, 10_000),
        ("start", f"{CAS}:burgerbudget", 10_000, 10_000),
        ("start", "fund:burgerbudget", -30_000, 70_000),
        ("use", f"{ANNA}:burgerbudget", -3_000, 7_000),
        ("use", f"{ANNA}:vrij", 3_000, 3_000),
        ("payout", f"{ANNA}:vrij", -3_000, 0),
        ("payout", "bank:outgoing", 3_000, 3_000),
    ]
    ben = rows[3]
    recorded_at, account_id = ben.pop("recordedAt"), ben.pop("accountId")
    assert len(recorded_at) == len("2026-10-01T00:00:00.000000Z") and recorded_at.endswith("Z")
    assert account_id.isdigit()
    assert ben == {
        "id": f"{sealed.start}-4",
        "journalId": str(sealed.start),
        "line": "4",
        "kind": "start",
        "valueDate": "2026-10-01",
        "account": f"{BEN}:burgerbudget",
        "version": "1",
        "amount": "10000",
        "asset": "EUR",
        "balanceAfter": "10000",
        "counterAccount": "fund:burgerbudget",
        "grantKey": "start/2",
        "reference": "decision:2",
        "explanation": "start",
        "holdId": "",
        "reversed": "",
        "actor": "burgerbudget",
        "onBehalfOf": "eva",
        "decision": "decision:1",
        "batch": "start/2026",
        "chunk": "1",
        "reason": "start",
        "block": "1",
    }
    # The bank's line is merged, so the purse's carries the hold.
    assert rows[8]["holdId"] == str(sealed.hold) and rows[9]["holdId"] == ""
    assert [row["block"] for row in rows] == ["1"] * 8 + ["2"] * 2


def test_lines_of_json_say_the_same_as_the_table(auditor: Client, sealed: SealedBooks) -> None:
    in_csv, in_json = csv_rows(auditor), json_rows(auditor)

    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in in_json] == in_csv
    assert in_json[0]["amount"] == 100_000 and in_json[0]["grantKey"] is None and in_json[0]["block"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_manifest_describes_the_file_to_the_byte(auditor: Client, sealed: SealedBooks, kind: str) -> None:
    file = auditor.get(f"/exports/{kind}", params={"to": "2026-10-01"})
    link = file.headers["link"]
    assert link.endswith('; rel="describedby"; type="application/json"')
    manifest = auditor.get("http://test" + link[1 : link.index(">")]).json()

    assert file.headers["stadsbeurs-as-of-block"] == "2"
    assert file.headers["content-disposition"] == (
        f'attachment; filename="stadsbeurs-2026-10-01-2026-10-01-block-2.{kind}"'
    )
    header = sealed.books.rows("SELECT encode(header, 'hex') FROM ledger.block WHERE number = 2")[0][0]
    assert manifest.pop("createdAt").endswith("Z") and manifest.pop("sealedAt").endswith("Z")
    assert manifest.pop("applicationVersion")
    assert manifest == {
        "format": kind,
        "from": "2026-10-01",
        "to": "2026-10-01",
        "asset": "EUR" if kind == "xaf" else None,
        "asOfBlock": 2,
        "asOfHeader": header,
        "rows": 10,
        "bytes": len(file.content),
        "sha256": hashlib.sha256(file.content).hexdigest(),
        # Deposit 1,000.00, start 300.00, use 30.00, payout 30.00.
        "totals": {"EUR": {"rows": 10, "debit": 136_000, "credit": 136_000}},
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_cut_has_the_same_bytes_for_ever(
    auditor: Client, sealed: SealedBooks, today: Callable[[str], None], kind: str
) -> None:
    answer = auditor.get(f"/exports/{kind}")
    link = answer.headers["link"]
    again = "http://test" + link[1 : link.index(">")].replace("/manifest", "")
    sealed.books.post_alone("use", (f"{CAS}:burgerbudget", f"{CAS}:vrij", 100))
    assert sealed.books.seal() == 1
    today("2027-01-15")

    assert auditor.get(again).content == answer.content
    assert auditor.get(f"/exports/{kind}").content != answer.content
    manifest = auditor.get("http://test" + link[1 : link.index(">")]).json()
    assert manifest["sha256"] == hashlib.sha256(answer.content).hexdigest()


def test_what_is_not_sealed_yet_is_left_out(auditor: Client, sealed: SealedBooks) -> None:
    sealed.books.post_alone("use", (f"{CAS}:burgerbudget", f"{CAS}:vrij", 100))

    assert len(csv_rows(auditor)) == 10
    assert len(csv_rows(auditor, asOfBlock=1)) == 8
    assert csv_rows(auditor, asOfBlock=0) == []


def test_the_period_is_of_value_dates_both_included(auditor: Client, sealed: SealedBooks) -> None:
    sealed.books.tamper(
        f"UPDATE ledger.journal SET value_date = '2026-09-30' WHERE id = {sealed.deposit}",
        f"UPDATE ledger.journal SET value_date = '2026-10-02' WHERE id = {sealed.payout}",
    )

    def found(**query: str) -> list[str]:
        return sorted({row["kind"] for row in csv_rows(auditor, **query)})

    assert found(**{"from": "2026-09-30", "to": "2026-10-02"}) == ["deposit", "payout", "start", "use"]
    assert found(**{"from": "2026-10-01", "to": "2026-10-01"}) == ["start", "use"]
    assert found(**{"from": "2026-10-02", "to": "2026-10-31"}) == ["payout"]
    # Left out: from the first value date in the books, up to the business date.
    assert found() == ["deposit", "start", "use"]
    assert found(to="2026-09-29") == []


def test_one_asset_can_be_asked_for(auditor: Client, sealed: SealedBooks) -> None:
    assert len(csv_rows(auditor, asset="EUR")) == 10
    assert csv_rows(auditor, asset="POINT") == []


def test_a_table_of_nothing_still_has_its_header(auditor: Client, books: Books) -> None:
    answer = auditor.get("/exports/csv")

    assert answer.headers["stadsbeurs-as-of-block"] == "0"
    assert answer.content.decode() == ",".join(COLUMNS) + "\r\n"
    assert auditor.get("/exports/jsonl").content == b""
    manifest = auditor.get("/exports/csv/manifest").json()
    assert (manifest["rows"], manifest["totals"], manifest["asOfHeader"]) == (0, {}, None)
    of_nothing = auditor.get("/exports/jsonl/manifest").json()
    assert (of_nothing["bytes"], of_nothing["sha256"]) == (0, hashlib.sha256(b"").hexdigest())


def test_texts_keep_their_signs_and_none_is_a_formula(auditor: Client, books: Books) -> None:
    texts = ['=HYPERLINK("x")', "+31", "-1", "@a", "\tb", "'c", 'quote " and, comma', "two\r\nlines", "é € ok"]
    moves = [("bank:current", "fund:burgerbudget", 100)] * len(texts)
    books.post_alone("deposit", *moves, references=texts)
    books.seal()

    named = [row for row in csv_rows(auditor) if row["reference"]]

    guarded = ['\'=HYPERLINK("x")', "'+31", "'-1", "'@a", "'\tb", "''c", *texts[6:]]
    assert [row["reference"] for row in named] == guarded
    assert [row["reference"] for row in json_rows(auditor) if row["reference"]] == texts
    # A debit is a number, not a formula.
    assert [row["amount"] for row in csv_rows(auditor) if row["account"] == "bank:current"] == ["-900"]


def test_a_table_of_several_pieces_is_whole(auditor: Client, books: Books) -> None:
    books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 3_000))
    books.post_alone("start", *[("fund:burgerbudget", f"{ANNA}:burgerbudget", 1) for _ in range(2_500)])
    books.seal()

    rows = json_rows(auditor)

    assert len(rows) == 2 + 2_501
    assert [row["balanceAfter"] for row in rows if row["account"] == f"{ANNA}:burgerbudget"] == list(range(1, 2_501))
    assert len(csv_rows(auditor)) == 2_503


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/exports/csv?from=2026-10-02&to=2026-10-01", 400, "periodReversed"),
        ("/exports/csv?from=2026-10-02", 400, "periodReversed"),
        ("/exports/csv/manifest?from=2026-10-02&to=2026-10-01", 400, "periodReversed"),
        ("/exports/csv?from=yesterday", 400, "malformed"),
        ("/exports/csv?to=20261001", 400, "malformed"),
        ("/exports/csv?asOfBlock=99", 400, "blockNotFound"),
        ("/exports/csv?asOfBlock=-1", 400, "malformed"),
        ("/exports/csv?asset=GOLD", 400, "unknownAsset"),
        ("/exports/csv?asset=gold", 400, "malformed"),
        ("/exports/xaf?asset=POINT", 400, "onlyEuros"),
        ("/exports/xaf?from=1900-01-01", 400, "periodTooLong"),
        ("/exports/xlsx", 404, "exportNotFound"),
        ("/exports/xlsx/manifest", 404, "exportNotFound"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    auditor: Client, sealed: SealedBooks, path: str, status: int, code: str
) -> None:
    answer = auditor.get(path)

    assert answer.status_code == status
    assert answer.json()["errors"][0]["code"] == code


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.AUDITOR}))
def test_only_an_auditor_exports(api: FastAPI, callers: Callers, role: Role) -> None:
    client = callers.client(api, "wallet", role)
    assert [client.get(f"/exports/csv{rest}").status_code for rest in ("", "/manifest")] == [403, 403]


def test_more_exports_at_once_than_there_are_places_are_asked_to_wait(
    auditor: Client, books: Books, sealed: SealedBooks
) -> None:
    cut_by = {"first": None, "last": None, "asset": None, "as_of_block": None}
    kind = actions.format_named("csv")
    with books.database.reading() as db:
        cut = actions.cut_of(db, kind, **cut_by)
    running: list[Iterator[bytes]] = []
    for _ in range(actions.MOST_AT_ONCE):
        running.append(actions.write(books.database, kind, cut, actions.Municipality("Voorbeeldstad", "000000012")))
        assert next(running[-1])

    refused = auditor.get("/exports/csv")

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (429, "tooManyExports")
    assert refused.headers["retry-after"] == "30"
    for one in running:
        assert list(one) == []
    assert len(csv_rows(auditor)) == 10


def test_an_export_that_its_reader_left_gives_its_place_and_its_connection_back(
    auditor: Client, sealed: SealedBooks
) -> None:
    for _ in range(3 * actions.MOST_AT_ONCE):
        with auditor.stream("GET", "/exports/csv") as answer:
            assert answer.status_code == 200

    assert len(csv_rows(auditor)) == 10
    assert sealed.books.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
