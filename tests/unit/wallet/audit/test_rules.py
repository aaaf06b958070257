"""The sealed form, against vectors that were put together by hand and hashed by another program."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from wallet.audit import rules

FIRST_OF_OCTOBER = datetime(2026, 10, 1, 0, 0, 0, 1, tzinfo=UTC)  # one microsecond into the day

ENTRY = {
    "account_id": 2,
    "version": 1,
    "journal_id": 7,
    "line": 2,
    "amount": 50000,
    "balance_after": 50000,
    "counter_account_id": 1,
    "grant_key": "top-up/1/2026-Q3",
    "reference": None,
    "explanation": "top-up",
    "hold_id": None,
    "reversed_journal_id": None,
    "reversed_line": None,
    "nonce": bytes(range(16)),
}
ACCOUNT = {
    "address": "holder:1:vrij",
    "asset": "EUR",
    "kind": "purse",
    "purse": "vrij",
    "opened_at": FIRST_OF_OCTOBER,
}
JOURNAL = {
    "id": 7,
    "kind": "top-up",
    "value_date": date(2026, 10, 1),
    "recorded_at": FIRST_OF_OCTOBER,
    "actor": "burgerbudget",
    "on_behalf_of": None,
    "decision": None,
    "batch": "top-up/2026-Q3",
    "chunk": 1,
    "reason": None,
    "format_version": 1,
}

ENTRY_HEX = (
    "000001"  # an entry, format version 1
    "000000080000000000000002"  # account_id
    "000000080000000000000001"  # version
    "000000080000000000000007"  # journal_id
    "0000000400000002"  # line
    "00000008000000000000c350"  # amount: 50,000
    "00000008000000000000c350"  # balance_after
    "000000080000000000000001"  # counter_account_id
    "00000010746f702d75702f312f323032362d5133"  # grant_key
    "ffffffff"  # reference: absent
    "00000006746f702d7570"  # explanation
    "ffffffffffffffffffffffff"  # hold_id, reversed_journal_id, reversed_line
    "00000010000102030405060708090a0b0c0d0e0f"  # nonce
    "0000000d686f6c6465723a313a7672696a"  # address
    "00000003455552"  # asset
    "000000057075727365"  # kind
    "000000047672696a"  # purse
    "000000080002ffbadd95c001"  # opened_at: 9,770 days and 1 microsecond after 2000-01-01
)  # fmt: skip
JOURNAL_HEX = (
    "010001"  # a journal, format version 1
    "000000080000000000000007"  # id
    "00000006746f702d7570"  # kind
    "000000040000262a"  # value_date: 9,770 days
    "000000080002ffbadd95c001"  # recorded_at
    "0000000c627572676572627564676574"  # actor
    "ffffffffffffffff"  # on_behalf_of, decision
    "0000000e746f702d75702f323032362d5133"  # batch
    "0000000400000001"  # chunk
    "ffffffff"  # reason
    "000000020001"  # format_version
)  # fmt: skip


def test_an_entry_is_encoded_field_by_field_with_its_accounts_terms_at_version_1() -> None:
    encoded = rules.encode_entry(ENTRY, ACCOUNT)

    assert encoded.hex() == ENTRY_HEX
    assert rules.leaf(encoded).hex() == "d89eb0d0c1f8ef6c09cb7a3b58f580f06436adb07c8e9bc4a13284c55a8159be"


def test_a_later_entry_leaves_its_accounts_terms_absent() -> None:
    encoded = rules.encode_entry({**ENTRY, "version": 2}, ACCOUNT)

    assert encoded.endswith(bytes(range(16)) + 5 * b"\xff\xff\xff\xff")


def test_a_journal_is_encoded_field_by_field() -> None:
    encoded = rules.encode_journal(JOURNAL)

    assert encoded.hex() == JOURNAL_HEX
    assert rules.leaf(encoded).hex() == "536e1abaa42be349180f01433cee81a405add120eea806e6aaa31bd2d573de60"


def test_an_absent_text_is_not_an_empty_one() -> None:
    assert rules.field("text", None) != rules.field("text", "")


def test_what_moves_from_one_field_to_the_next_changes_the_encoding() -> None:
    left = rules.encode_entry({**ENTRY, "reference": "ab", "explanation": "c"}, ACCOUNT)
    right = rules.encode_entry({**ENTRY, "reference": "a", "explanation": "bc"}, ACCOUNT)

    assert left != right


@pytest.mark.parametrize("name", [*rules.ENTRY_FIELDS])
def test_every_field_of_an_entry_counts(name: str) -> None:
    other = {"uuid": UUID(int=1), "text": "other", "bytea": bytes(16)}.get(rules.ENTRY_FIELDS[name], 99)

    assert rules.encode_entry({**ENTRY, name: other}, ACCOUNT) != rules.encode_entry(ENTRY, ACCOUNT)


def test_an_odd_last_node_moves_up_as_it_is() -> None:
    a, b, c = (hashlib.sha256(letter).digest() for letter in (b"a", b"b", b"c"))

    assert rules.tree_root([a], rules.JOURNAL_NODE) == a
    root = rules.tree_root([a, b, c], rules.JOURNAL_NODE)
    assert root.hex() == "b4c3823feafde3b7517f46b2397c1292d297cf5875e4221cf6f16218c01682b0"
    assert rules.tree_root([a, b, c], rules.BLOCK_NODE) != root


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 11])
def test_every_leaf_climbs_along_its_siblings_to_the_root(count: int) -> None:
    leaves = [bytes([number]) * 32 for number in range(count)]
    root = rules.tree_root(leaves, rules.JOURNAL_NODE)

    for place, leaf in enumerate(leaves):
        path = rules.tree_path(leaves, place, rules.JOURNAL_NODE)
        assert rules.climb(leaf, path, rules.JOURNAL_NODE) == root
        assert rules.climb(bytes(32 * [99]), path, rules.JOURNAL_NODE) != root or count == 0


def test_a_header_covers_everything_that_a_block_says() -> None:
    root = hashlib.sha256(b"a").digest()
    seal = rules.BlockSeal(1, rules.NO_HEADER, root, 2, 5, 7, 9, {"EUR": 100000}, FIRST_OF_OCTOBER, 1)

    assert rules.block_header(seal).hex() == "b8f572a5d28907b9b41c6f4bc5e34a90ed0baed74b67296fb9579d8a88202d11"
