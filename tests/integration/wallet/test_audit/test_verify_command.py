"""The verifier as a command: what it prints, how it exits, and how an interrupted run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.wallet.test_audit.conftest import CAS, PROVE, VERIFY, Books, SealedBooks, run, run_alone
from wallet.audit import verifier
from wallet.audit.differences import Report
from wallet.audit.signing import SealKeys


def test_the_command_says_what_it_checked_and_exits_0(sealed: SealedBooks) -> None:
    ran = run_alone(sealed.books, VERIFY)

    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[0] == "rows checked: 27 (2 blocks, 4 journals, 10 entries, 11 accounts)"
    assert lines[1].startswith("rows per second: ")
    assert lines[2] == "not yet sealed: 0 journals (no error); not yet anchored: 0 blocks"
    assert lines[3:] == ["0 differences"]


def test_the_command_exits_1_on_a_difference_and_names_it_in_json(sealed: SealedBooks) -> None:
    sealed.books.tamper(f"UPDATE ledger.journal SET reason = 'other' WHERE id = {sealed.start}")

    ran = run(sealed.books, VERIFY, "--json")

    assert ran.returncode == 1
    answer = json.loads(ran.stdout)
    assert answer["ok"] is False
    assert answer["differences"] == [
        {"table": "journal", "key": f"id={sealed.start}", "what": "it is not as it was sealed"}
    ]
    assert (answer["blocks"], answer["journals"], answer["entries"], answer["accounts"]) == (2, 4, 10, 11)


@pytest.mark.parametrize("command", [(VERIFY,), (PROVE, "1-1")])
@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"STADSBEURS_DATABASE_URL": ""}, "STADSBEURS_DATABASE_URL is not set"),
        ({"STADSBEURS_DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "the database cannot be read"),
        ({"STADSBEURS_SEAL_KEY_FILE": ""}, "neither STADSBEURS_SEAL_KEY_FILE nor"),
        ({"STADSBEURS_SEAL_KEY_FILE": "/none/key.json"}, "/none/key.json cannot be read"),
    ],
)
def test_the_command_that_cannot_run_says_why_in_one_sentence_and_exits_2(
    books: Books, command: tuple[str, ...], environment: dict[str, str], sentence: str
) -> None:
    ran = run(books, *command, **environment)

    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1
    assert sentence in ran.stderr


class InterruptedAt(SealKeys):
    """The keys of these books, whose holder presses Ctrl-C while the signature under one block is checked."""

    def __init__(self, books: Books, number: int) -> None:
        self._real = SealKeys.read(books.files.seal_key_file)
        [(self._header,)] = books.rows(f"SELECT header FROM ledger.block WHERE number = {number}")

    def fault(self, key_id: str, header: bytes, signature: bytes) -> str | None:
        if header == self._header:
            raise KeyboardInterrupt
        return self._real.fault(key_id, header, signature)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a verification keeps how far it came; each block is a batch of its own."""
    monkeypatch.setattr(verifier, "_BATCH_ENTRIES", 1)
    return tmp_path / "checkpoint"


def interrupted(books: Books, checkpoint: Path, number: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        verifier.verify(
            books.service_url, InterruptedAt(books, number), books.files.anchor_file, checkpoint_file=checkpoint
        )


def resumed(books: Books, checkpoint: Path | None, from_block: int = 1) -> Report:
    keys = SealKeys.read(books.files.seal_key_file)
    url, anchor_file = books.service_url, books.files.anchor_file
    return verifier.verify(url, keys, anchor_file, from_block=from_block, checkpoint_file=checkpoint)


def found(report: Report) -> list[tuple[str, str, str]]:
    return [(one.table, one.key, one.what) for one in report.differences]


def seal_one_more(sealed: SealedBooks) -> int:
    journal = sealed.books.post_alone("use", (f"{CAS}:burgerbudget", f"{CAS}:vrij", 100))
    assert sealed.books.seal() == 1
    return journal


def test_an_interrupted_run_goes_on_behind_the_last_good_batch(sealed: SealedBooks, checkpoint: Path) -> None:
    seal_one_more(sealed)
    interrupted(sealed.books, checkpoint, 3)
    header = sealed.books.rows("SELECT encode(header, 'hex') FROM ledger.block WHERE number = 2")[0][0]
    assert json.loads(checkpoint.read_text()) == {"number": 2, "header": header}

    report = resumed(sealed.books, checkpoint)

    # Block 3 with its one journal of two entries; every account, because the figures are always checked whole.
    assert (report.from_block, report.blocks, report.journals, report.entries, report.accounts) == (3, 1, 1, 2, 12)
    assert report.ok
    assert report.as_lines()[3] == "not looked at in this run: the rows under blocks 1 to 2"
    assert not checkpoint.exists()
    assert resumed(sealed.books, checkpoint).from_block == 1


def test_a_checkpoint_stays_before_the_first_bad_block(sealed: SealedBooks, checkpoint: Path) -> None:
    seal_one_more(sealed)
    sealed.books.tamper(f"UPDATE ledger.journal SET reason = 'other' WHERE id = {sealed.payout}")
    interrupted(sealed.books, checkpoint, 3)
    assert json.loads(checkpoint.read_text())["number"] == 1

    report = resumed(sealed.books, checkpoint)

    assert (report.from_block, found(report)) == (
        2,
        [("journal", f"id={sealed.payout}", "it is not as it was sealed")],
    )
    assert not checkpoint.exists()


def test_the_figures_are_checked_whole_also_after_a_checkpoint(sealed: SealedBooks, checkpoint: Path) -> None:
    interrupted(sealed.books, checkpoint, 2)
    sealed.books.tamper("UPDATE ledger.balance SET posted = posted + 1 WHERE posted = 7000")

    assert [one[2] for one in found(resumed(sealed.books, checkpoint))] == ["posted is 7001; its entries make 7000"]


def test_a_history_written_anew_behind_a_checkpoint_is_found_and_looked_at_whole(
    sealed: SealedBooks, checkpoint: Path
) -> None:
    interrupted(sealed.books, checkpoint, 2)
    sealed.books.tamper("UPDATE ledger.block SET header = sha256('x') WHERE number = 1")

    report = resumed(sealed.books, checkpoint)

    assert found(report)[0] == ("block", "number=1", "it is not the block that was verified before")
    assert (report.from_block, report.blocks) == (1, 2)


def test_a_history_cut_behind_a_checkpoint_is_found(sealed: SealedBooks, checkpoint: Path) -> None:
    checkpoint.write_text(json.dumps({"number": 9, "header": "00" * 32}))

    report = resumed(sealed.books, checkpoint)

    assert found(report) == [("block", "number=9", "it is not the block that was verified before")]


def test_from_a_block_on_the_earlier_rows_are_believed_and_the_chain_is_not(sealed: SealedBooks) -> None:
    books = sealed.books
    assert (resumed(books, None, 2).from_block, resumed(books, None, 2).entries) == (2, 2)
    assert resumed(books, None, 3).blocks == 0
    with books.edited("journal", "reason", "'other'", f"id = {sealed.start}"):
        assert resumed(books, None, 2).ok
        assert not resumed(books, None, 1).ok

    books.tamper("UPDATE ledger.block SET header = sha256('x') WHERE number = 1")

    assert found(resumed(books, None, 2)) == [
        ("block", "number=1", "its header is not the one that was anchored"),
        ("block", "number=2", "its previous_header is not the header of the block before it"),
    ]


def test_a_tail_cut_from_the_books_is_found_from_a_later_block_too(sealed: SealedBooks) -> None:
    seal_one_more(sealed)
    sealed.books.tamper("DELETE FROM ledger.block WHERE number = 3")

    assert ("block", "number=3", "it is anchored and no longer in the database") in found(
        resumed(sealed.books, None, 2)
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--from-block", "4"), "block 3 is not there, so block 4 does not follow it"),
        (("--from-block", "0"), "--from-block is 0; the first block is 1"),
        (("--from-block", "one"), "invalid int value"),
        (("--checkpoint", "{broken}"), "is no checkpoint; take it away to start at the first block"),
        (("--checkpoint", "{none}"), "names block 0; take it away to start at the first block"),
        (("--checkpoint", "{folder}"), "cannot be read"),
    ],
)
def test_a_start_that_cannot_be_is_refused_in_one_sentence(
    sealed: SealedBooks, tmp_path: Path, arguments: tuple[str, str], sentence: str
) -> None:
    broken, none = tmp_path / "broken", tmp_path / "none"
    broken.write_text("[]")
    none.write_text('{"number": 0, "header": ""}')
    option, value = arguments

    ran = run(sealed.books, VERIFY, option, value.format(broken=broken, none=none, folder=tmp_path))

    assert ran.returncode == 2
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_command_says_from_where_it_looked(sealed: SealedBooks, tmp_path: Path) -> None:
    ran = run(sealed.books, VERIFY, "--json", "--from-block", "2", "--checkpoint", str(tmp_path / "checkpoint"))

    answer = json.loads(ran.stdout)
    assert (answer["ok"], answer["fromBlock"], answer["blocks"], answer["entries"]) == (True, 2, 1, 2)
    assert not (tmp_path / "checkpoint").exists()
