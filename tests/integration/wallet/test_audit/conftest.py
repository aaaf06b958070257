"""A small set of books to seal, to verify and to tamper with."""

from __future__ import annotations

import gc
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import FastAPI
from joserfc.jwk import OKPKey
from sqlalchemy import text
from sqlmodel import Session

from foundation.application import create_api
from foundation.database import Database
from tests.support.callers import Callers
from tests.support.databases import ServiceDatabase
from wallet.audit import routes
from wallet.audit.actions import MOST_ENTRIES, seal_due_blocks
from wallet.audit.differences import Report
from wallet.audit.exports import routes as export_routes
from wallet.audit.exports.settings import ExportSettings
from wallet.audit.signing import SealKeys, seal_key
from wallet.audit.verifier import verify

ANNA, BEN, CAS = "holder:a", "holder:b", "holder:c"
VERIFY, PROVE = "wallet.audit.verify", "wallet.audit.prove"

_POST = text(
    "SELECT ledger.post(:kind, '2026-10-01', 'burgerbudget', :on_behalf_of, :decision, :batch, :chunk, :reason,"
    " :sources, :destinations, :amounts, array_fill('EUR'::text, array[cardinality(:amounts)]), :grant_keys,"
    " :references, :explanations, CAST(:holds AS uuid[]))"
)
_OPEN_HOLD = text(
    "SELECT ledger.open_holds(ARRAY[CAST(:id AS uuid)], ARRAY[:account], ARRAY[CAST(:amount AS bigint)], ARRAY['EUR'],"
    " 'payout', NULL, 'eva')"
)
_GUARDED = ("entry", "journal", "account", "balance", "hold", "hold_event", "block", "block_journal")


@dataclass(frozen=True, slots=True)
class SealFiles:
    """Where the key under the seals and the anchor are."""

    seal_key_file: Path
    anchor_file: Path


@dataclass(frozen=True, slots=True)
class Books:
    """A wallet's database with the files of its seals."""

    database: Database
    service_url: str
    superuser_url: str
    files: SealFiles

    def post(self, db: Session, kind: str, *moves: tuple[str, str, int], **journal: Any) -> int:
        """Post moves of (source, destination, cents); gives the journal's id."""
        several = {"grant_keys": None, "references": None, "explanations": None, "holds": None}
        single = {"on_behalf_of": None, "decision": None, "batch": None, "chunk": None, "reason": None}
        sources, destinations, amounts = (list(column) for column in zip(*moves, strict=True))
        values = {"kind": kind, "sources": sources, "destinations": destinations, "amounts": amounts}
        return int(db.execute(_POST, {**several, **single, **values, **journal}).scalar_one())

    def post_alone(self, kind: str, *moves: tuple[str, str, int], **journal: Any) -> int:
        """Post in a transaction of its own."""
        return self.database.run(lambda db: self.post(db, kind, *moves, **journal))

    def seal(self, most_entries: int = MOST_ENTRIES) -> int:
        return seal_due_blocks(self.database, self.files, most_entries=most_entries)

    def verify(self, from_block: int = 1) -> Report:
        keys = SealKeys.read(self.files.seal_key_file)
        return verify(self.service_url, keys, self.files.anchor_file, from_block=from_block)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.superuser_url) as connection:
            return connection.execute(query).fetchall()

    def tamper(self, *statements: str) -> None:
        """Do what only a superuser can who first switches every guard off, and leave no other trace."""
        with self._unguarded() as connection:
            for statement in statements:
                changed = connection.execute(statement)
                assert changed.rowcount != 0, f"nothing was changed by {statement}"

    @contextmanager
    def edited(self, table: str, column: str, value: str, where: str) -> Iterator[None]:
        """Edit one field of one row as `tamper` does, and put it back afterwards."""
        with self._unguarded() as connection:
            before = connection.execute(f"SELECT {column}::text FROM ledger.{table} WHERE {where}").fetchall()
            kind = f"(SELECT {column} FROM ledger.{table} LIMIT 0)"
            edit = f"UPDATE ledger.{table} SET {column} = {value} WHERE {where} RETURNING ctid::text"
            ((place,),) = connection.execute(edit).fetchall()
        yield
        with self._unguarded() as connection:
            type_name = connection.execute(f"SELECT pg_typeof({kind})::text").fetchall()[0][0]
            back = f"UPDATE ledger.{table} SET {column} = %s::{type_name} WHERE ctid = %s::tid"
            assert connection.execute(back, (before[0][0], place)).rowcount == 1

    @contextmanager
    def _unguarded(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self.superuser_url) as connection:
            for table in _GUARDED:
                connection.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")
            yield connection
            for table in _GUARDED:
                connection.execute(f"ALTER TABLE ledger.{table} ENABLE TRIGGER ALL")


@pytest.fixture
def books(wallet_db: ServiceDatabase, tmp_path: Path) -> Books:
    """Empty books with a fund of nothing and three owners."""
    key = tmp_path / "seal-key.json"
    key.write_text(json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)), encoding="ascii")
    made = Books(
        wallet_db.database, wallet_db.service_url, wallet_db.superuser_url, SealFiles(key, tmp_path / "anchor")
    )
    with made.database.transaction() as db:
        db.execute(text("SELECT ledger.open_fund('burgerbudget', 'Burgerbudget', 'EUR', 'eva')"))
        db.execute(text("SELECT ledger.register_owners(:owners)"), {"owners": [ANNA, BEN, CAS]})
    return made


@dataclass(frozen=True, slots=True)
class SealedBooks:
    """Books with four journals in two blocks: 1 and 2 hold the first three, and the last."""

    books: Books
    deposit: int
    start: int
    use: int
    payout: int
    hold: UUID


@pytest.fixture
def api(books: Books, callers: Callers) -> FastAPI:
    """The audit's own API: blocks, the trial balance, proofs and exports."""
    settings = ExportSettings(environment="local", signing_key_file=Path("none"), trusted_keys_file=Path("none"))
    return create_api(
        "wallet",
        database=books.database,
        verifier=callers.verifier("wallet"),
        routers=[routes.router, export_routes.router],
        state={"settings": settings},
    )


@pytest.fixture
def sealed(books: Books) -> SealedBooks:
    """A deposit of 1,000.00; a start of 100.00 for Anna, Ben and Cas; use of 30.00 by Anna; 30.00 of it paid out."""
    deposit = books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 100_000), reason="Begroting 2026")
    start = books.post_alone(
        "start",
        *[("fund:burgerbudget", f"{who}:burgerbudget", 10_000) for who in (ANNA, BEN, CAS)],
        on_behalf_of="eva",
        decision="decision:1",
        batch="start/2026",
        chunk=1,
        reason="start",
        grant_keys=["start/1", "start/2", "start/3"],
        references=["decision:1", "decision:2", "decision:3"],
        explanations=["start", "start", "start"],
    )
    use = books.post_alone("use", (f"{ANNA}:burgerbudget", f"{ANNA}:vrij", 3_000), grant_keys=["use/1"])
    assert books.seal() == 1
    hold = uuid4()
    with books.database.transaction() as db:
        for hold_id, account, amount in ((uuid4(), f"{BEN}:burgerbudget", 5), (hold, f"{ANNA}:vrij", 3_000)):
            db.execute(_OPEN_HOLD, {"id": hold_id, "account": account, "amount": amount})
    payout = books.post_alone("payout", (f"{ANNA}:vrij", "bank:outgoing", 3_000), holds=[str(hold)])
    assert books.seal() == 1
    return SealedBooks(books, deposit, start, use, payout, hold)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


def run(books: Books, module: str, *arguments: str, **environment: str) -> Ran:
    """Call the command of a module of the wallet on these books, in this process; `run_alone` starts it as one."""
    said, complained = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(complained):
        for name in [name for name in os.environ if name.startswith("STADSBEURS_")]:
            patch.delenv(name)
        for name, value in _settings(books, environment).items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", [module, *arguments])
        # The command sets how rarely garbage is collected in a process of its own; this one is not.
        patch.setattr(gc, "freeze", lambda: None)
        thresholds = gc.get_threshold()
        try:
            with pytest.raises(SystemExit) as ended:
                import_module(module).main()
        finally:
            gc.set_threshold(*thresholds)
    assert isinstance(ended.value.code, int)
    return Ran(ended.value.code, said.getvalue(), complained.getvalue())


def run_alone(books: Books, module: str, *arguments: str, **environment: str) -> Ran:
    """Run a module of the wallet on these books as a process of its own, as the `stadsbeurs` command does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STADSBEURS_")}
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**kept, **_settings(books, environment)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def _settings(books: Books, environment: dict[str, str]) -> dict[str, str]:
    settings = {
        "STADSBEURS_DATABASE_URL": books.service_url,
        "STADSBEURS_ANCHOR_FILE": str(books.files.anchor_file),
        "STADSBEURS_SEAL_KEY_FILE": str(books.files.seal_key_file),
        **environment,
    }
    return {name: value for name, value in settings.items() if value}


def climb(node: bytes, siblings: list[dict[str, str]], domain: bytes) -> bytes:
    for sibling in siblings:
        beside = bytes.fromhex(sibling["hash"])
        pair = beside + node if sibling["side"] == "left" else node + beside
        node = hashlib.sha256(domain + pair).digest()
    return node


def assert_proves(proof: dict[str, Any], sealed: SealedBooks) -> None:
    """Check a proof with SHA-256 and Ed25519 alone."""
    leaf = hashlib.sha256(bytes.fromhex(proof["encoded"])).digest()
    assert leaf.hex() == proof["leaf"]
    root = climb(leaf, proof["journalSiblings"], b"\x02")
    assert root.hex() == proof["journalRoot"]
    assert climb(root, proof["blockSiblings"], b"\x03").hex() == proof["block"]["root"]
    public: Ed25519PublicKey = seal_key(sealed.books.files.seal_key_file)._private.public_key()
    public.verify(bytes.fromhex(proof["block"]["signature"]), bytes.fromhex(proof["block"]["header"]))
