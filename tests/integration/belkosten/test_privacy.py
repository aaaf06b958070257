"""A number that was dialled is nowhere once its record was rated: not in a table, a log, an answer or an export."""

from __future__ import annotations

import json

import psycopg
import pytest
from psycopg import sql

from tests.integration.belkosten.call_desk import BANK, HEADER, Desk, as_csv, record
from tests.support.databases import TestServer

DIALLED = ("+3197531864", "0031 (0)97 53 18 64", "097531864", "097-531864")
DIGITS = ("97531864", "97 53 18 64", "97.53.18.64", "97-531864")
"""What all the ways to write the number have in common, one or another of them."""
APPROVED = BANK.removeprefix("+31")


def found_in(url: str, digits: tuple[str, ...]) -> set[str]:
    """Give the tables of a database in which one of these stands, in whatever column, as text or as bytes."""
    needles = [*digits, *(one.encode().hex() for one in digits)]
    where = set()
    with psycopg.connect(url) as db:
        tables = db.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            query = sql.SQL("SELECT count(*) FROM {}.{} t, unnest(%s::text[]) n WHERE strpos(t::text, n) > 0").format(
                sql.Identifier(schema), sql.Identifier(table)
            )
            if (db.execute(query, [needles]).fetchone() or (0,))[0]:
                where.add(f"{schema}.{table}")
    return where


@pytest.fixture
def superuser_urls(desk: Desk, server: TestServer) -> list[str]:
    """The databases of belkosten and of the wallet, seen whole."""
    return [
        server.running.url(database.engine.url.database or "")
        for database in (desk.town.database, desk.town.house.database)
    ]


def say_it_in_every_way(desk: Desk, caller: str) -> list[str]:
    """Put the number in every place where one can be written; gives all that was answered."""
    answers = []
    for number, dialled in enumerate(DIALLED):
        # Twice: what is answered again is what was kept.
        for _ in range(2):
            answers.append(desk.asked(f"a{number}", caller, dialled))
            answers.append(desk.asked(f"b{number}", dialled, BANK))
        answers.append(desk.client.post("/call-authorisations", json={"callId": "x", "calledNumber": dialled}))
        rows = [record(f"r{number}", caller, 60, dialled), record(f"s{number}", "599999", 60, dialled)]
        for query in ("?dryRun=true", "?dryRun=true&partial=true", "", "?partial=true"):
            answers.append(desk.post(as_csv(*rows), "text/csv", query))
        # In every wrong column, with too many of them, in a quote that is not closed, and where the header should be.
        for column in range(5):
            cells = [*record(f"w{number}{column}", caller, 60)]
            cells[column] = f"x {dialled}" if column == 0 else dialled
            answers.append(desk.post(as_csv(cells), "text/csv"))
        answers.append(desk.post(as_csv((*rows[0], dialled), (f'"{dialled}', *rows[0][1:])), "text/csv"))
        answers.append(desk.post(as_csv(*rows).removeprefix(HEADER).lstrip(), "text/csv"))
        item = dict(zip(HEADER.split(";"), record(f"j{number}", caller, 60, dialled), strict=True))
        for content in (
            json.dumps({"items": [item]}),
            json.dumps({"items": [{**item, dialled: 1}]}),
            json.dumps({"items": [item]})[:-2] + dialled,
        ):
            answers.append(desk.post(content, "application/json"))
    desk.town.settle()
    files = [one.json()["id"] for one in answers if one.status_code == 202]
    became = [desk.client.get(f"/call-records/batches/{file}") for file in files]
    assert {one.json()["state"] for one in became} == {"imported", "refused"}
    return [one.text for one in (*answers, *became)]


def test_a_number_that_was_dialled_is_nowhere_once_it_was_rated(
    desk: Desk, caller: str, superuser_urls: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    town = desk.town
    answers = say_it_in_every_way(desk, caller)
    for client, path in (
        (town.auditor, f"/participants/{caller}"),
        (town.auditor, "/usage?month=2026-10"),
        (town.auditor, "/outbox?state=done"),
        (town.wallet_auditor, f"/holders/{town.holder_of(caller)}/transactions"),
        (town.wallet_auditor, "/holds?limit=1000"),
        (town.wallet_auditor, "/exports/csv?from=2026-01-01&to=2026-12-31"),
        (town.wallet_auditor, "/exports/jsonl?from=2026-01-01&to=2026-12-31"),
    ):
        answers.append(client.get(path).text)
    logged = capfd.readouterr()
    assert "/call-authorisations" in logged.out, "what is logged was seen"
    said = "\n".join([*answers, logged.out, logged.err])
    assert [one for one in DIGITS if one in said] == []
    assert [found_in(url, DIGITS) for url in superuser_urls] == [set(), set()]


def test_an_approved_number_is_on_the_list_and_nowhere_else(desk: Desk, caller: str, superuser_urls: list[str]) -> None:
    desk.ask("a1", caller)
    desk.tell(record("a1", caller, 60), record("a2", caller, 60, f"0031{APPROVED}"))
    assert [found_in(url, (APPROVED,)) for url in superuser_urls] == [{"belkosten.approved_number"}, set()]


def test_a_file_that_waits_holds_its_numbers_and_is_emptied_when_it_is_worked_through(
    desk: Desk, caller: str, superuser_urls: list[str]
) -> None:
    desk.post(as_csv(record("f1", caller, 60, DIALLED[0])), "text/csv")
    assert found_in(superuser_urls[0], DIGITS) == {"public.inbox_piece"}
    desk.town.settle()
    assert found_in(superuser_urls[0], DIGITS) == set()
