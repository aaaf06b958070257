"""Files of rows of a service with two kinds of them: who comes first, what waits, and what is left of the bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Text, text
from sqlmodel import Field, Session

from foundation import file_work
from foundation.database import Database
from foundation.file_work import (
    MAX_ATTEMPTS,
    Arrived,
    ChunkResult,
    FileImportBase,
    FileImportRowBase,
    FileWork,
    work_through_next_file,
)
from foundation.inbox import Upload
from foundation.row_files import Columns, FileInspection, RawRow
from tests.support.databases import TestServer

COLUMNS = {
    "parcels": Columns(("code", "weight"), "pakketten", numbers=frozenset({"weight"})),
    "letters": Columns(("code", "weight", "remark"), "brieven", optional_last=1),
}
TABLES = """
CREATE TABLE post_file (
    id uuid PRIMARY KEY, kind text NOT NULL, sender text NOT NULL, inbox_id uuid NOT NULL, media_type text NOT NULL,
    dry_run boolean NOT NULL, partial boolean NOT NULL, state text NOT NULL, rows_done bigint NOT NULL,
    attempts smallint NOT NULL, accepted bigint NOT NULL, known bigint NOT NULL, refused bigint NOT NULL, problem text,
    lease_token uuid, lease_until timestamptz, received_by text NOT NULL, received_at timestamptz NOT NULL,
    finished_at timestamptz);
CREATE TABLE post_file_row (
    import_id uuid, row bigint, outcome text NOT NULL, code text, message text, PRIMARY KEY (import_id, row));
CREATE TABLE post_item (code text PRIMARY KEY, weight int NOT NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON post_file, post_file_row, post_item TO PUBLIC;
"""


class PostFile(FileImportBase, table=True):
    __tablename__ = "post_file"

    kind: str = Field(sa_type=Text)
    sender: str = Field(sa_type=Text)


class PostFileRow(FileImportRowBase, table=True):
    __tablename__ = "post_file_row"


def take_in(db: Session, file: PostFile, chunk: list[RawRow]) -> ChunkResult:
    """Keep what has a whole number for its weight; a code counts once."""
    result = ChunkResult()
    for raw in chunk:
        code, weight, *_ = raw.cells
        if raw.problem is not None or not weight.isdecimal():
            result.outcomes.append((raw.row, "refused", "malformed", raw.problem or "weight is geen getal."))
        elif db.execute(text("SELECT 1 FROM post_item WHERE code = :code"), {"code": code}).first():
            result.outcomes.append((raw.row, "known", None, None))
        else:
            db.execute(text("INSERT INTO post_item VALUES (:code, :weight)"), {"code": code, "weight": int(weight)})
            result.accepted += 1
    return result


WORK = FileWork(
    file=PostFile,
    row=PostFileRow,
    columns=lambda file: COLUMNS[file.kind],
    take_in=take_in,
    drops=lambda file: file.kind == "letters",
)


@pytest.fixture(scope="module")
def shared_database(server: TestServer) -> Iterator[Database]:
    with server.fresh("burgerbudget") as made:
        with psycopg.connect(made.owner_url) as connection:
            connection.execute(TABLES)
        yield made.database


@pytest.fixture
def database(shared_database: Database) -> Database:
    """The database of these tests, with no file and nothing taken in."""
    with shared_database.transaction() as db:
        for table in "post_file", "post_file_row", "post_item":
            db.execute(text(f"DELETE FROM {table}"))
    return shared_database


def send(
    database: Database, kind: str, content: str, *, dry_run: bool = False, partial: bool = False, sender: str = "ptt"
) -> UUID:
    inspection = FileInspection(COLUMNS[kind])
    inspection.feed(content.encode())
    with Upload(1_000_000) as upload:
        upload.take(content.encode())
        arrived = Arrived(upload, inspection.finish(), dry_run, partial)
        return database.run(
            lambda db: (
                file_work.receive_file(
                    db, WORK, arrived, source=f"sender/{sender}", actor="p", kind=kind, sender=sender
                ).id
            )
        )


def work_off(database: Database, work: FileWork[PostFile] = WORK) -> None:
    while work_through_next_file(database, work, lambda: True):
        pass


def told(database: Database, import_id: UUID) -> Any:
    with database.transaction() as db:
        file = file_work.find(db, WORK, import_id)
        assert file is not None
        return file, [tuple(one) for one in file_work.outcomes(db, WORK, import_id)]


def items(database: Database) -> dict[str, int]:
    with database.transaction() as db:
        return {row.code: row.weight for row in db.execute(text("SELECT code, weight FROM post_item"))}


def pieces_kept(database: Database, import_id: UUID) -> int:
    with database.transaction() as db:
        return int(
            db.execute(
                text("SELECT count(*) FROM inbox_piece p JOIN post_file f ON f.inbox_id = p.inbox_id WHERE f.id = :id"),
                {"id": import_id},
            ).scalar_one()
        )


def test_each_kind_is_read_by_its_own_columns_and_keeps_its_own_sender(database: Database) -> None:
    parcels = send(database, "parcels", json.dumps({"items": [{"code": "p1", "weight": 900}]}), sender="dhl")
    letters = send(database, "letters", "code;weight\nl1;20\nl1;20\n")
    work_off(database)
    assert items(database) == {"p1": 900, "l1": 20}
    file, outcomes = told(database, parcels)
    assert (file.kind, file.sender, file.state, file.accepted, outcomes) == ("parcels", "dhl", "imported", 1, [])
    file, outcomes = told(database, letters)
    assert (file.state, file.accepted, file.known, outcomes) == ("imported", 1, 1, [(3, "known", None, None)])


def test_the_oldest_file_comes_first_of_whatever_kind_it_is(database: Database) -> None:
    first = send(database, "letters", "code;weight\nx;1\n")
    second = send(database, "parcels", "code;weight\nx;2\n")
    assert work_through_next_file(database, WORK, lambda: True)
    assert (told(database, first)[0].state, told(database, second)[0].state) == ("imported", "processing")
    work_off(database)
    assert items(database) == {"x": 1}


def test_a_file_that_may_not_be_taken_up_waits_and_holds_up_no_other(database: Database) -> None:
    waits = send(database, "letters", "code;weight\nl1;1\n")
    send(database, "parcels", "code;weight\np1;2\n")
    work_off(database, replace(WORK, may_take="f.kind <> 'letters'"))
    assert (told(database, waits)[0].state, told(database, waits)[0].attempts) == ("processing", 0)
    assert items(database) == {"p1": 2}
    work_off(database)
    assert items(database) == {"p1": 2, "l1": 1}


GOOD, BAD = "code;weight\na;1\n", "code;weight\na;1\nb;veel\n"


@pytest.mark.parametrize("kind", ["letters", "parcels"])
@pytest.mark.parametrize(
    ("content", "partial", "state"),
    [(GOOD, False, "imported"), (BAD, False, "refused"), (BAD, True, "imported"), ('{"items": [', True, "refused")],
)
def test_bytes_that_must_go_are_gone_once_their_file_is_finished_whatever_became_of_it(
    kind: str, content: str, partial: bool, state: str, database: Database
) -> None:
    import_id = send(database, kind, content, partial=partial)
    assert pieces_kept(database, import_id) == 1
    work_off(database)
    assert told(database, import_id)[0].state == state
    assert pieces_kept(database, import_id) == (0 if kind == "letters" else 1)


@pytest.mark.parametrize("content", [GOOD, BAD, '{"items": ['])
def test_of_a_dry_run_nothing_stays_but_what_it_came_to(content: str, database: Database) -> None:
    import_id = send(database, "parcels", content, dry_run=True)
    work_off(database)
    assert items(database) == {}
    assert pieces_kept(database, import_id) == 0
    assert told(database, import_id)[0].finished_at is not None


def test_a_file_left_half_way_keeps_its_bytes_until_it_is_finished(database: Database) -> None:
    import_id = send(database, "letters", "code;weight\na;1\nb;x\nc;3\n", partial=True)
    in_ones = replace(WORK, chunk_rows=1)
    for accepted, refused in (1, 0), (1, 1), (2, 1):
        assert work_through_next_file(database, in_ones, lambda: False)
        file, _ = told(database, import_id)
        assert (file.state, file.accepted, file.refused) == ("processing", accepted, refused)
        assert pieces_kept(database, import_id) == 1
    assert work_through_next_file(database, in_ones, lambda: False)
    file, outcomes = told(database, import_id)
    assert (file.state, file.accepted, file.refused, file.rows_done) == ("imported", 2, 1, 3)
    assert outcomes == [(3, "refused", "malformed", "weight is geen getal.")]
    assert pieces_kept(database, import_id) == 0


@pytest.mark.parametrize("partial", [True, False])
def test_a_file_that_cannot_be_worked_through_is_given_up_and_its_bytes_are_gone(
    partial: bool, database: Database
) -> None:
    import_id = send(database, "letters", GOOD, partial=partial)
    with database.transaction() as db:
        db.execute(text("UPDATE post_file SET attempts = :most"), {"most": MAX_ATTEMPTS})
    assert work_through_next_file(database, WORK, lambda: True)
    file, _ = told(database, import_id)
    assert (file.state, file.accepted, items(database)) == ("refused", 0, {})
    assert file.problem == f"Dit bestand kon na {MAX_ATTEMPTS} pogingen niet worden verwerkt. Meld het ons."
    assert pieces_kept(database, import_id) == 0


@pytest.mark.parametrize("partial", [True, False])
def test_a_chunk_that_was_overtaken_is_judged_again(partial: bool, database: Database) -> None:
    """Between the judging and the writing somebody else takes the code: judged again, the row is known."""
    import_id = send(database, "parcels", GOOD, partial=partial)

    def overtaken(act: Callable[[Session, PostFile, list[RawRow]], ChunkResult]) -> Any:
        def in_between(db: Session, file: PostFile, chunk: list[RawRow]) -> ChunkResult:
            if not items(database):
                with database.transaction() as other:
                    other.execute(text("INSERT INTO post_item VALUES ('a', 7)"))
                db.execute(text("INSERT INTO post_item VALUES ('a', 1)"))
            return act(db, file, chunk)

        return in_between

    work_off(database, replace(WORK, take_in=overtaken(take_in)))
    file, outcomes = told(database, import_id)
    assert (file.state, file.accepted, file.known) == ("imported", 0, 1)
    assert outcomes == [(2, "known", None, None)]
    assert items(database) == {"a": 7}
