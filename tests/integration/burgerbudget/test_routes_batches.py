"""Files of hours over HTTP: taken in as a stream, worked through afterwards, told row by row."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from foundation.access import Role
from foundation.file_work.intake import MAX_FILE_BYTES
from foundation.identifiers import new_id
from tests.integration.burgerbudget.town import NAME, Town, code, row
from tests.support.callers import Client

HEADER = "externalId;participantNumber;workedOn;hours;activity\n"
CSV = {"Content-Type": "text/csv"}
BATCH_KEYS = {"id", "state", "dryRun", "partial", "accepted", "known", "refused", "problem", "rows"}


def send(reporter: Client, content: bytes, query: str = "", **headers: str) -> Any:
    return reporter.post(f"/hours/batches{query}", content=content, headers={**CSV, **headers})


def taken_in(town: Town, reporter: Client, content: bytes, query: str = "", **headers: str) -> dict[str, Any]:
    answer = send(reporter, content, query, **headers)
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"id", "state"}
    assert answer.json()["state"] == "processing"
    town.work()
    found = reporter.get(f"/hours/batches/{answer.json()['id']}")
    assert found.status_code == 200
    told: dict[str, Any] = found.json()
    assert set(told) == BATCH_KEYS
    for one in told["rows"]:
        assert set(one) == {"row", "outcome", "errors"}
        assert all(set(error) == {"code", "message"} for error in one["errors"])
    return told


def rows_of(told: dict[str, Any]) -> list[tuple[int, str, list[str]]]:
    return [(one["row"], one["outcome"], [error["code"] for error in one["errors"]]) for one in told["rows"]]


@pytest.fixture
def number(town: Town) -> str:
    return town.participant("2026-07-01")


@pytest.fixture
def reporter(town: Town) -> Client:
    return town.reporter(town.organisation())


@pytest.fixture
def quiet_reporter(quiet_town: Town) -> Client:
    return quiet_town.reporter(quiet_town.organisation())


def test_a_dry_run_that_is_misspelt_takes_in_nothing(town: Town, reporter: Client, number: str) -> None:
    content = f"{HEADER}a;{number};2026-07-02;2,75;koffie\n".encode()
    refused = send(reporter, content, "?dryrun=true")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "query")
    assert "dryRun" in refused.json()["detail"]
    town.work()
    # Nothing of it was kept: the same row is new afterwards.
    told = taken_in(town, reporter, content)
    assert (told["accepted"], told["known"]) == (1, 0)


def test_a_csv_file_is_imported_and_its_hours_used(town: Town, number: str, reporter: Client) -> None:
    content = f"{HEADER}a;{number};2026-07-02;2,75;koffie\nb;{number};03-07-2026;4;\n".encode()
    told = taken_in(town, reporter, content)
    assert (told["state"], told["accepted"], told["known"], told["refused"], told["rows"]) == ("imported", 2, 0, 0, [])
    assert town.ledger.purse(town.database, number, "vrij") == 10118  # 6.75 x 14.99 = 101.1825
    again = taken_in(town, reporter, content)
    assert (again["state"], again["accepted"], again["known"]) == ("imported", 0, 2)
    assert rows_of(again) == [(2, "known", []), (3, "known", [])]
    assert town.ledger.purse(town.database, number, "vrij") == 10118


@pytest.mark.parametrize(
    "media_type", ["text/csv", "text/csv; charset=windows-1252", "TEXT/CSV", "text/csv;header=present"]
)
def test_windows_and_boms_and_commas_are_read(media_type: str, town: Town, number: str, reporter: Client) -> None:
    windows = HEADER.replace(";", ",").replace("\n", "\r\n") + f'a,{number},2026-07-02,"2,5",café\r\n'
    told = taken_in(town, reporter, windows.encode("cp1252"), **{"Content-Type": media_type})
    assert told["accepted"] == 1
    bom = f"{HEADER}b;{number};2026-07-03;2.5;café\n".encode("utf-8-sig")
    assert taken_in(town, reporter, bom, **{"Content-Type": media_type})["accepted"] == 1
    [_, first] = reporter.get(f"/participants/{number}/hours").json()["items"]
    assert first["activity"] == "café"


def test_json_is_imported_with_rows_counted_from_one(town: Town, number: str, reporter: Client) -> None:
    items = [row(number), row("999"), row(number, workedOn="2026-07-03", hours=1.5)]
    told = taken_in(
        town, reporter, json.dumps({"items": items}).encode(), "?partial=true", **{"Content-Type": "application/json"}
    )
    assert (told["state"], told["partial"], told["accepted"], told["refused"]) == ("imported", True, 2, 1)
    assert rows_of(told) == [(2, "refused", ["unknownParticipant"])]


def test_without_partial_one_refusal_refuses_the_file(town: Town, number: str, reporter: Client) -> None:
    content = f"{HEADER}a;{number};2026-07-02;2;x\n\nb;{number};2026-07-02;2,7;x\n".encode()
    told = taken_in(town, reporter, content)
    assert (told["state"], told["accepted"], told["refused"]) == ("refused", 0, 1)
    assert rows_of(told) == [(4, "refused", ["notQuarterHours"])]
    assert town.seen(number)["quarters"] == []
    partly = taken_in(town, reporter, content, "?partial=true")
    assert (partly["state"], partly["accepted"], partly["refused"]) == ("imported", 1, 1)


def test_a_dry_run_answers_the_same_and_stores_nothing(town: Town, number: str, reporter: Client) -> None:
    content = f"{HEADER}a;{number};2026-07-02;2;x\nb;{number};2026-07-02;23;x\na;{number};2026-07-02;2;x\n".encode()
    for query in ("?dryRun=true", "?dryRun=true&partial=true"):
        dry = taken_in(town, reporter, content, query)
        assert town.seen(number)["quarters"] == []
        assert dry["dryRun"] is True
        partial = "partial" in query
        assert (dry["state"], dry["accepted"]) == (("imported", 1) if partial else ("refused", 0))
        assert rows_of(dry) == [(3, "refused", ["dayFull"]), (4, "known", [])]
    wet = taken_in(town, reporter, content, "?partial=true")
    assert rows_of(wet) == rows_of(dry)
    assert (wet["accepted"], wet["known"], wet["refused"]) == (dry["accepted"], dry["known"], dry["refused"])


def test_the_same_key_is_the_same_file_and_another_file_is_refused(town: Town, number: str, reporter: Client) -> None:
    content = f"{HEADER}a;{number};2026-07-02;2;x\n".encode()
    key = {"Idempotency-Key": "file-1"}
    first, again = send(reporter, content, **key), send(reporter, content, **key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Hit"] == "true"
    assert code(send(reporter, content + b"\n", **key)) == (422, "idempotencyKeyReused")


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06"


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", "emptyFile"),
        (b" \n \n", "emptyFile"),
        (PNG, "nulByte"),
        (PNG.replace(b"\x00", b"\x01"), "notCsvOrJson"),
        (HEADER.encode() + b"a;1;2026-07-02;2;\x00", "nulByte"),
        (HEADER.encode() + b"x" * 5000 + b"\x00", "nulByte"),
        (b"PK\x03\x04" + b"x" * 100, "notCsvOrJson"),
        (HEADER.encode("utf-16"), "notText"),
        (b"nummer;datum;uren\n1;2;3\n", "wrongHeader"),
        (b"participantNumber;externalId;workedOn;hours;activity\n", "wrongHeader"),
        (b"hallo", "notCsvOrJson"),
        (b"\xef\xbb\xbf" + HEADER.encode() + b"caf\xe9", "notText"),
        (HEADER.encode() + b"a;1;2026-07-02;2;\x81\xff", "notText"),
    ],
)
def test_what_is_no_hours_file_is_refused_at_the_door(content: bytes, refusal: str, quiet_reporter: Client) -> None:
    assert code(send(quiet_reporter, content)) == (400, refusal)


def test_json_that_is_none_is_refused_where_it_breaks(town: Town, reporter: Client) -> None:
    for content in (b"{}", b'{"items": 7}', b'{"items": [', b"[" * 5000):
        told = taken_in(town, reporter, content, **{"Content-Type": "application/json"})
        assert told["state"] == "refused"
        assert told["problem"]


@pytest.mark.parametrize("media_type", ["application/pdf", "text/plain", "multipart/form-data; boundary=x", ""])
def test_another_kind_of_content_is_not_taken(media_type: str, quiet_reporter: Client) -> None:
    answer = send(quiet_reporter, HEADER.encode(), **{"Content-Type": media_type})
    assert code(answer) == (415, "unsupportedType")


@pytest.mark.parametrize("query", ["?dryRun=misschien", "?partial=2"])
def test_a_question_that_is_neither_yes_nor_no_is_a_bad_request(query: str, quiet_reporter: Client) -> None:
    assert code(send(quiet_reporter, HEADER.encode(), query))[0] == 400


def test_a_file_is_seen_by_the_organisation_that_sent_it_only(town: Town, number: str, reporter: Client) -> None:
    told = taken_in(town, reporter, f"{HEADER}a;{number};2026-07-02;2;x\n".encode())
    path = f"/hours/batches/{told['id']}"
    assert code(town.reporter(town.organisation()).get(path)) == (404, "unknownImport")
    assert code(town.client(Role.ORGANISATION).get(path)) == (404, "unknownImport")
    for absent in (str(new_id()), "x", "%00"):
        assert code(reporter.get(f"/hours/batches/{absent}"))[0] == 404


def test_an_organisation_that_is_not_registered_sends_nothing(town: Town) -> None:
    stranger = town.client(Role.ORGANISATION, organisation_id=str(new_id()))
    assert code(send(stranger, HEADER.encode())) == (403, "organisationUnknown")


def test_every_row_that_was_not_accepted_is_told_at_once(town: Town, number: str, reporter: Client) -> None:
    lines = "".join(f"r{n};{number};2026-07-02;{'0,25' if n == 700 else '0'};x\n" for n in range(1200))
    told = taken_in(town, reporter, (HEADER + lines).encode(), "?partial=true")
    assert (told["accepted"], told["refused"], len(told["rows"])) == (1, 1199, 1199)
    assert {tuple(codes) for _, _, codes in rows_of(told)} == {("hoursOutOfRange",)}
    assert 702 not in [one["row"] for one in told["rows"]]


class Streamed:
    """A request spoken in ASGI itself: the test client would hold the whole body in memory."""

    def __init__(self, town: Town, organisation: str, pieces: Iterator[bytes], length: int | None) -> None:
        self.town, self.pieces, self.asked, self.answer = town, pieces, 0, b""
        token = town.callers.person(NAME, Role.ORGANISATION, organisation_id=organisation)
        headers = [
            (b"host", b"test"),
            (b"authorization", f"Bearer {token}".encode()),
            (b"idempotency-key", b"k-1"),
            (b"content-type", b"text/csv"),
        ]
        headers += [] if length is None else [(b"content-length", str(length).encode())]
        self.scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
            "path": f"/api/{NAME}/v1/hours/batches", "raw_path": b"", "query_string": b"", "root_path": "",
            "headers": headers, "client": ("127.0.0.1", 1), "server": ("test", 80), "state": {},
        }  # fmt: skip
        self.started: dict[str, Any] = {}

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        piece = next(self.pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.started = {"status": message["status"], **{k.decode(): v.decode() for k, v in message["headers"]}}
        else:
            self.answer += message.get("body", b"")

    def run(self) -> None:
        asyncio.run(self.town.api(self.scope, self.receive, self.send))


MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("said", [None, MAX_FILE_BYTES + 2, 10 * MAX_FILE_BYTES])
def test_a_file_over_100_mebibytes_is_refused_while_it_streams_in_flat_memory(said: int | None, town: Town) -> None:
    line = b"a;1;2026-07-02;2;" + b"x" * 46 + b"\n"
    piece = line * (MEBIBYTE // len(line))

    def endless() -> Iterator[bytes]:
        yield HEADER.encode()
        while True:
            yield piece

    request = Streamed(town, town.organisation(), endless(), said)
    tracemalloc.start()
    try:
        request.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert request.started["status"] == 413, request.answer
    assert request.started["content-type"] == "application/problem+json"
    assert request.started["api-version"] == "1.0.0"
    document = json.loads(request.answer)
    assert (document["status"], document["errors"][0]["code"]) == (413, "tooLarge")
    assert request.asked <= (102 if said is None else 1), "it is not read further than it must"
    assert peak < 24 * MEBIBYTE
