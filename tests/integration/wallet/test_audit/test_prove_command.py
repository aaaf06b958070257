"""The proof as a command: everything that paper needs, each step checked, and one sentence where there is none."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from tests.integration.wallet.test_audit.conftest import ANNA, CAS, PROVE, SealedBooks, assert_proves, run, run_alone
from tests.support.callers import Client

CLAIMS = [
    "the encoded line says that it is {0}",
    "the SHA-256 of the encoded line is the leaf",
    "the leaf and its siblings make the journal's root",
    "that and its siblings make the block's root",
    "the block's fields make its header",
    "the header is signed with key {1}",
    "the anchor file has the header, signature and time of block 1",
]


def key_id(sealed: SealedBooks) -> str:
    return str(sealed.books.rows("SELECT key_id FROM ledger.block LIMIT 1")[0][0])


def test_the_proof_says_what_the_api_says_and_every_step_agrees(auditor: Client, sealed: SealedBooks) -> None:
    transfer = f"{sealed.start}-4"

    ran = run_alone(sealed.books, PROVE, transfer, "--json")

    assert ran.returncode == 0, ran.stderr
    proof = json.loads(ran.stdout)
    assert proof.pop("ok") is True
    assert proof.pop("steps") == [{"claim": claim.format(transfer, key_id(sealed)), "agrees": True} for claim in CLAIMS]
    anchored = json.loads(sealed.books.files.anchor_file.read_text().splitlines()[0])
    assert proof.pop("anchor") == anchored
    fields = proof.pop("fields")
    assert fields.pop("nonce") and fields.pop("account opened at").endswith("+00:00")
    ids = sealed.books.rows(
        f"SELECT account_id, counter_account_id FROM ledger.entry WHERE journal_id = {sealed.start} AND line = 4"
    )[0]
    assert (fields.pop("account id"), fields.pop("counter account id")) == tuple(map(str, ids))
    assert fields == {
        "version": "1",
        "journal id": str(sealed.start),
        "line": "4",
        "amount": "10000",
        "balance after": "10000",
        "grant key": "start/2",
        "reference": "decision:2",
        "explanation": "start",
        "hold id": None,
        "reversed journal id": None,
        "reversed line": None,
        "account address": "holder:b:burgerbudget",
        "account asset": "EUR",
        "account kind": "purse",
        "account purse": "burgerbudget",
    }
    over_http = auditor.get(f"/transfers/{transfer}/proof").json()
    assert proof == over_http
    assert_proves(proof, sealed)


def test_on_paper_every_node_can_be_computed_by_hand(sealed: SealedBooks) -> None:
    ran = run(sealed.books, PROVE, f"{sealed.use}-2")

    assert ran.returncode == 0, ran.stderr
    text = ran.stdout
    encoded = bytes.fromhex(re.search(r"Encoded line, in hex:\n  ([0-9a-f]+)", text)[1])  # type: ignore[index]
    node = hashlib.sha256(encoded).digest()
    assert f"Leaf, its SHA-256:\n  {node.hex()}\n" in text
    for title, domain, root in (
        ("journal's", b"\x02", "Journal's root:\n  "),
        ("block's", b"\x03", "root                  "),
    ):
        listed = text[text.index(f"Siblings up to the {title} root") :]
        for line in listed.splitlines()[1:]:
            sibling = re.fullmatch(r"  (left|right) +([0-9a-f]{64})", line)
            if sibling is None:
                break
            beside = bytes.fromhex(sibling[2])
            node = hashlib.sha256(domain + (beside + node if sibling[1] == "left" else node + beside)).digest()
        assert root + node.hex() in text
    assert f"\n  {sealed.books.files.anchor_file.read_text().splitlines()[0]}\n" in text
    assert text.endswith("7 of 7 steps agree.\n")


def test_every_line_of_every_kind_is_proven(sealed: SealedBooks) -> None:
    for journal, line in sealed.books.rows("SELECT journal_id, max(line) FROM ledger.entry GROUP BY journal_id"):
        assert run(sealed.books, PROVE, f"{journal}-{line}").returncode == 0
    # A negative amount, an absent grant key, and a hold.
    proof = json.loads(run(sealed.books, PROVE, f"{sealed.payout}-1", "--json").stdout)
    assert (proof["fields"]["amount"], proof["fields"]["hold id"]) == ("-3000", str(sealed.hold))
    assert proof["fields"]["account address"] is None


def test_what_is_not_there_or_not_sealed_gets_one_sentence(sealed: SealedBooks) -> None:
    waiting = sealed.books.post_alone("use", (f"{CAS}:burgerbudget", f"{CAS}:vrij", 100))
    expected = {
        "99-1": "There is no transfer 99-1 in the books.\n",
        "one-two": "There is no transfer one-two in the books.\n",
        f"{waiting}-1": f"Transfer {waiting}-1 is not sealed yet; try again in a few seconds.\n",
    }
    for transfer, sentence in expected.items():
        ran = run(sealed.books, PROVE, transfer)
        assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", sentence)


def test_a_changed_entry_is_not_proven(sealed: SealedBooks) -> None:
    sealed.books.tamper(f"UPDATE ledger.entry SET amount = 4000 WHERE journal_id = {sealed.use} AND line = 2")

    ran = run(sealed.books, PROVE, f"{sealed.use}-2")

    sentence = f"Transfer {sealed.use}-2 is not as it was sealed; run the verifier.\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", sentence)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("UPDATE ledger.block_journal SET root = sha256('x') WHERE position = 1", [3]),
        ("UPDATE ledger.block SET root = sha256('x') WHERE number = 1", [3, 4]),
        ("UPDATE ledger.block SET entries = 9 WHERE number = 1", [4]),
        ("UPDATE ledger.block SET sums = '{{\"EUR\": 1}}' WHERE number = 1", [4]),
        ("UPDATE ledger.block SET sealed_at = sealed_at + interval '1 second' WHERE number = 1", [4, 6]),
        ("UPDATE ledger.block SET header = sha256('x') WHERE number = 1", [4, 5, 6]),
        ("UPDATE ledger.block SET signature = sha256('x') || sha256('y') WHERE number = 1", [5, 6]),
        ("UPDATE ledger.block SET key_id = 'another' WHERE number = 1", [5]),
    ],
)
def test_the_step_that_does_not_agree_is_named(sealed: SealedBooks, change: str, wrong: list[int]) -> None:
    sealed.books.tamper(change.replace("{{", "{").replace("}}", "}"))

    ran = run(sealed.books, PROVE, f"{sealed.start}-4", "--json")

    assert ran.returncode == 1
    proof = json.loads(ran.stdout)
    assert proof["ok"] is False
    assert [number for number, step in enumerate(proof["steps"]) if not step["agrees"]] == wrong
    lines = run(sealed.books, PROVE, f"{sealed.start}-4").stdout.splitlines()
    assert sum(line.startswith("WRONG ") for line in lines) == len(wrong)
    assert lines[-1] == f"{7 - len(wrong)} of 7 steps agree."


def test_leaves_that_were_exchanged_with_the_entries_do_not_make_the_root(sealed: SealedBooks) -> None:
    """Entry and stored leaf agree with one another, as after a skilful change: the root above them does not."""
    books = sealed.books
    books.tamper(f"UPDATE ledger.entry SET reference = 'x' WHERE journal_id = {sealed.use} AND line = 2")
    account = books.rows(f"SELECT id FROM ledger.account WHERE address = '{ANNA}:vrij'")[0][0]
    books.tamper(
        "UPDATE ledger.block_journal b SET leaves = substring(b.leaves FOR 64) || (SELECT ledger.entry_leaf(e, a)"
        f" FROM ledger.entry e, ledger.account a WHERE e.journal_id = {sealed.use} AND e.line = 2 AND a.id = {account})"
        f" WHERE b.journal_id = {sealed.use}"
    )

    ran = run(books, PROVE, f"{sealed.use}-2", "--json")

    assert ran.returncode == 1
    assert [step["agrees"] for step in json.loads(ran.stdout)["steps"]] == [True, True, False, False, True, True, True]


def test_a_block_without_its_line_in_the_anchor_is_not_proven(sealed: SealedBooks) -> None:
    anchor_file = sealed.books.files.anchor_file
    lines = anchor_file.read_text().splitlines(keepends=True)
    anchor_file.write_text(lines[1])

    ran = run(sealed.books, PROVE, f"{sealed.start}-4", "--json")

    assert ran.returncode == 1
    proof = json.loads(ran.stdout)
    assert proof["anchor"] is None
    assert proof["steps"][-1] == {"claim": "the anchor file has no line of block 1", "agrees": False}


def test_an_anchor_file_that_is_none_is_said_in_one_sentence(sealed: SealedBooks) -> None:
    sealed.books.files.anchor_file.write_text("no anchor\n")

    ran = run_alone(sealed.books, PROVE, f"{sealed.start}-4")

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "is no anchor" in ran.stderr and ran.stderr.count("\n") == 1
