"""The verifier: recomputes every seal and every figure from the rows, with nothing of the code that wrote them.

All reading happens on one snapshot, in two read-only transactions side by side: one streams the sealed rows, which are
hashed here, and beside it the database answers the figures; whichever is done first asks what is left. It disturbs no
posting, and no posting disturbs it. Memory stays flat: blocks, journals and entries stream by, at most one batch of
journals at a time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from wallet.audit import anchor, checkpoint, rules
from wallet.audit.anchor import Anchor, BrokenLineError
from wallet.audit.bulk_content import PassingContent
from wallet.audit.checkpoint import Checkpoint
from wallet.audit.differences import Report
from wallet.audit.questions import Questions
from wallet.audit.sealed_rows import SealedJournal, SealedRows
from wallet.audit.signing import SealKeys

_BATCH_ENTRIES = 20_000
_BATCH_BLOCKS = 500

# Nothing may end a long verification, and on a machine that also posts it takes two cores, not all.
_OPTIONS = (
    "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout=5s -c timezone=UTC -c jit=off"
    " -c max_parallel_workers_per_gather=0 -c work_mem=64MB"
)
# Sealed rows are looked up in the order of their blocks: other plans read all entries for each batch of blocks.
_IN_ORDER = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off"
_AS_PLANNED = "; ".join(f"RESET enable_{way}" for way in ("hashjoin", "mergejoin", "nestloop", "seqscan", "bitmapscan"))

_BLOCKS = """
SELECT number, previous_header, root, journals, entries, first_journal, last_journal, sums, sealed_at, format_version,
       header, signature, key_id
  FROM ledger.block WHERE number >= %s ORDER BY number
"""

Block = dict[str, Any]


class NoSuchBlockError(Exception):
    """A verification that was to begin at a block that is not there; the message says which."""


def verify(
    url: str, keys: SealKeys, anchor_file: Path, *, from_block: int = 1, checkpoint_file: Path | None = None
) -> Report:
    """Verify a ledger: its sealed rows from a block on, and always every figure.

    With a checkpoint file, what is good is written down batch by batch, a run that was interrupted goes on behind it
    (`from_block` is then left aside), and a run that came to its end takes the file away.

    Raises `psycopg.Error` or `OSError` when it cannot be read, `BrokenCheckpointError`, `NoSuchBlockError`.
    """
    report = Report()
    began = time.monotonic()
    # Before the snapshot: what is anchored by now is committed, and so in the snapshot.
    anchored = anchor.size(anchor_file)
    with _connect(url) as db, _connect(url) as beside:
        reached = _start(db, from_block, checkpoint_file, report)
        content = PassingContent(db)
        questions = Questions(content)
        with _asking_beside(db, beside, questions) as asked:
            db.execute(_IN_ORDER)
            rows = SealedRows(db, report, content)
            _verify_blocks(db, rows, keys, _Anchors(anchor_file, anchored, report), report, reached, checkpoint_file)
            db.execute(_AS_PLANNED)
            questions.ask_after_seals(db)
            asked.result()
            questions.ask_what_follows(db)
        questions.tell(report)
        db.rollback()
    if checkpoint_file is not None:
        checkpoint.remove(checkpoint_file)
    report.seconds = time.monotonic() - began
    return report


def _connect(url: str) -> psycopg.Connection[Any]:
    db = psycopg.connect(url, options=_OPTIONS, client_encoding="utf8", application_name="stadsbeurs-verify")
    db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    db.read_only = True
    return db


@contextmanager
def _asking_beside(
    db: psycopg.Connection[Any], beside: psycopg.Connection[Any], questions: Questions
) -> Iterator[Future[None]]:
    """Ask over the other connection meanwhile, on the snapshot of the first: nothing falls in between."""
    (snapshot,) = db.execute("SELECT pg_export_snapshot()").fetchall()[0]
    beside.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
    with ThreadPoolExecutor(1, "questions") as thread:
        asked = thread.submit(_ask_all, beside, questions)
        try:
            yield asked
        except BaseException:
            # Again and again: a cancel that comes between two questions stops neither.
            while not asked.done():
                beside.cancel_safe()
                wait([asked], timeout=1)
            raise


def _ask_all(db: psycopg.Connection[Any], questions: Questions) -> None:
    questions.ask(db)
    db.rollback()


def _start(
    db: psycopg.Connection[Any], from_block: int, checkpoint_file: Path | None, report: Report
) -> Checkpoint | None:
    """Give the block behind which to begin; None for the first."""
    kept = checkpoint.read(checkpoint_file) if checkpoint_file is not None else None
    number = kept.number if kept else from_block - 1
    if number == 0:
        return None
    row = db.execute("SELECT header FROM ledger.block WHERE number = %s", (number,)).fetchone()
    if kept is not None and (row is None or row[0] != kept.header):
        # Somebody wrote the history anew: all of it is looked at, to name the first bad row.
        report.add("checkpoint", "block", f"number={number}", "it is not the block that was verified before")
        return None
    if row is None:
        raise NoSuchBlockError(f"block {number} is not there, so block {from_block} does not follow it")
    report.from_block = number + 1
    return Checkpoint(number, row[0])


class _Anchors:
    """Walks along the anchor file beside the blocks."""

    def __init__(self, path: Path, upto: int, report: Report) -> None:
        self._path = path
        self._lines = anchor.read(path, upto)
        self._report = report
        self._line = 0

    def _next(self) -> Anchor | None:
        self._line += 1
        try:
            return next(self._lines, None)
        except BrokenLineError as error:
            self._report.add("anchor", "anchor", f"line {self._line}", str(error))
            self._lines = iter(())
            return None

    def pass_over(self, reached: Checkpoint) -> None:
        """Go to the line behind a block that is believed; the header that the next block builds on is compared."""
        line: Anchor | None = None
        for _ in range(reached.number):
            line = self._next() or line
        # A block may lack its line for a moment, as any; one that has another block's header was replaced.
        if line is not None and line.number == reached.number and line.header != reached.header:
            what = "its header is not the one that was anchored"
            self._report.add("anchor", "block", f"number={reached.number}", what)

    def compare(self, block: Block) -> None:
        """Compare the next block with the next line."""
        line = self._next()
        number = block["number"]
        if line is None:
            self._report.not_anchored += 1
            if self._report.not_anchored == anchor.MOST_MISSING + 1:
                what = f"{self._path} has neither this block nor {anchor.MOST_MISSING} before it"
                self._report.add("anchor", "block", f"number={number}", what)
        elif line.number != number:
            what = f"it is anchored, but block {number} stands in its place"
            self._report.add("anchor", "block", f"number={line.number}", what)
        else:
            for name in ("header", "signature", "sealed_at"):
                if getattr(line, name) != block[name]:
                    what = f"its {name} is not the one that was anchored"
                    self._report.add("anchor", "block", f"number={number}", what)

    def finish(self) -> None:
        """Name the blocks that are anchored and gone."""
        while (line := self._next()) is not None:
            what = "it is anchored and no longer in the database"
            self._report.add("anchor", "block", f"number={line.number}", what)


def _verify_blocks(
    db: psycopg.Connection[Any],
    rows: SealedRows,
    keys: SealKeys,
    anchors: _Anchors,
    report: Report,
    reached: Checkpoint | None,
    checkpoint_file: Path | None,
) -> None:
    """Recompute every block behind `reached`: its rows, tree, header, place in the chain, signature and anchor."""
    previous = rules.NO_HEADER
    number = 0
    if reached is not None:
        number, previous = reached.number, reached.header
        anchors.pass_over(reached)
    for batch in _batches(db, number + 1):
        journals = rows.read(batch[0]["number"], batch[-1]["number"])
        of_block = {number: list(group) for number, group in groupby(journals, lambda journal: journal.block_number)}
        for block in batch:
            number += 1
            key = f"number={block['number']}"
            if block["number"] != number:
                report.add("chain", "block", f"number={number}", f"it is gone: block {block['number']} comes next")
                number = block["number"]
            elif block["previous_header"] != previous:
                report.add("chain", "block", key, "its previous_header is not the header of the block before it")
            _compare_block(block, of_block.get(block["number"], []), report)
            if rules.block_header(_seal(block)) != block["header"]:
                report.add("header", "block", key, "its header is not the hash of what it says of itself")
            fault = keys.fault(block["key_id"], block["header"], block["signature"])
            if fault is not None:
                report.add("signature", "block", key, fault)
            anchors.compare(block)
            previous = block["header"]
        if checkpoint_file is not None and report.ok:
            checkpoint.write(checkpoint_file, Checkpoint(number, previous))
    anchors.finish()


def _seal(block: Block) -> rules.BlockSeal:
    return rules.BlockSeal(**{name: block[name] for name in rules.BlockSeal.__dataclass_fields__})


def _batches(db: psycopg.Connection[Any], first: int) -> Iterator[list[Block]]:
    """Give the blocks from `first` on in order, in runs of about as many entries as the blocks themselves claim."""
    with db.cursor("blocks", row_factory=dict_row) as cursor:
        cursor.itersize = _BATCH_BLOCKS
        batch: list[Block] = []
        entries = 0
        for block in cursor.execute(_BLOCKS, (first,)):
            batch.append(block)
            entries += block["entries"]
            if entries >= _BATCH_ENTRIES or len(batch) >= _BATCH_BLOCKS:
                yield batch
                batch, entries = [], 0
        if batch:
            yield batch


def _compare_block(block: Block, journals: Sequence[SealedJournal], report: Report) -> None:
    """Compare what a block says of itself with what its rows make."""
    report.blocks += 1
    credited: dict[str, int] = defaultdict(int)
    for journal in journals:
        for asset, amount in journal.credited.items():
            credited[asset] += amount
    found: dict[str, Any] = {
        "root": rules.tree_root([journal.root for journal in journals], rules.BLOCK_NODE) if journals else b"",
        "journals": len(journals),
        "entries": sum(journal.entries for journal in journals),
        "first_journal": min((journal.journal_id for journal in journals), default=None),
        "last_journal": max((journal.journal_id for journal in journals), default=None),
        "sums": dict(credited),
        "format_version": rules.FORMAT_VERSION,
    }
    for name, made in found.items():
        if block[name] != made:
            said, made = (value.hex() if isinstance(value, bytes) else value for value in (block[name], made))
            report.add(
                f"block {name}", "block", f"number={block['number']}", f"its {name} is {said}; its rows make {made}"
            )
