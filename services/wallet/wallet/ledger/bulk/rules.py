"""What a line of a transfer batch may say, and what the content of a batch comes to. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

COLUMNS = ("destination", "amount", "grantKey", "reference", "explanation")
MAX_LINES = 5_000_000
CHUNK_LINES = 5_000
"""Lines per journal: the source is locked for some 50 ms, so that people who spend beside it notice nothing."""
MAX_AMOUNT = 10**15
AMOUNT_DIGITS = 15
"""So many digits are never more than that."""
MAX_TEXT = 200
CONTENT_VERSION = 1
"""Of the way in which content is written to be hashed."""
CHECKS = 3
"""As many as `ledger.check_bulk` has."""

_WHOLE_NUMBER = re.compile(r"-?[0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BatchState(StrEnum):
    """The life of a transfer batch."""

    LOADING = "loading"
    CHECKING = "checking"
    CHECKED = "checked"
    REFUSED = "refused"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    POSTING = "posting"
    POSTED = "posted"
    WITHDRAWN = "withdrawn"


WITHDRAWABLE = frozenset({BatchState.LOADING, BatchState.CHECKING, BatchState.CHECKED, BatchState.SUBMITTED})


class Line(NamedTuple):
    """One line that asks for a transfer; `line` is that of the file, from 1."""

    line: int
    destination: str
    amount: int
    grant_key: str
    reference: str | None
    explanation: str | None


class Fault(NamedTuple):
    """Why a line cannot be read."""

    line: int
    code: str
    message: str


def read_line(number: int, cells: Sequence[str]) -> Line | Fault:
    """Judge one line by itself: whether it asks for something that can be asked at all. The first fault counts."""
    if len(cells) != len(COLUMNS):
        return Fault(number, "malformed", f"De regel heeft {len(cells)} velden in plaats van {len(COLUMNS)}.")
    destination, amount, grant_key, reference, explanation = cells
    if len(amount) <= AMOUNT_DIGITS and amount.isascii() and amount.isdigit():
        value = int(amount)
    elif _WHOLE_NUMBER.fullmatch(amount):
        value = int(amount) if len(amount) <= 20 else MAX_AMOUNT + 1
    else:
        message = f"{_shown(amount)} is geen geheel getal; schrijf een bedrag in de kleinste eenheid, zonder komma."
        return Fault(number, "noNumber", message)
    if not 0 < value <= MAX_AMOUNT:
        message = f"Een bedrag is een geheel getal van 1 tot {MAX_AMOUNT}, niet {_shown(amount)}."
        return Fault(number, "amountOutOfRange", message)
    if not grant_key:
        return Fault(number, "grantKeyMissing", "grantKey ontbreekt: zonder zou dezelfde regel twee keer boeken.")
    if len(destination) + len(grant_key) + len(reference) + len(explanation) > MAX_TEXT:
        for name, text in zip(COLUMNS, cells, strict=True):
            if len(text) > MAX_TEXT:
                return Fault(number, "malformed", f"{name} is langer dan {MAX_TEXT} tekens.")
    return Line(number, destination, value, grant_key, reference or None, explanation or None)


def has_control(text: str) -> bool:
    """Tell whether a text holds a control character: no field may, and so the separators of the hash are safe."""
    return _CONTROL.search(text) is not None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


@dataclass(frozen=True, slots=True)
class ContentHeader:
    """What a batch fixes for all its lines."""

    batch_id: UUID
    kind: str
    source: str
    asset: str
    value_date: date
    reason: str | None


class Part(NamedTuple):
    """Some lines that follow each other, as they are written to be hashed; `total` is the sum of their amounts."""

    lines: int
    total: int
    written: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """What the lines of a batch come to."""

    lines: int
    total: int
    hash: bytes


def content_of(header: ContentHeader, parts: Iterable[Part]) -> Content:
    """Count, add up and hash what one person submits and another approves.

    SHA-256 over UTF-8 text, each part ended by a newline and its fields separated by a unit separator (U+001F), which no
    field can hold; a field that is absent is empty. First `stadsbeurs-bulk, 1, batch, kind, source, asset, value date
    (2026-10-01), reason`; then for each line without an exception, in the order of the file, `destination, amount, grant
    key, reference, explanation`, which come in here as they are written; last `end, number of lines, sum of amounts`.
    Line numbers are not in it: all that is hashed stands on the journals and entries too, and can be hashed again from
    there.
    """
    digest = hashlib.sha256(
        _written(
            "stadsbeurs-bulk", CONTENT_VERSION, header.batch_id, header.kind, header.source, header.asset,
            header.value_date.isoformat(), header.reason or "",
        )
    )  # fmt: skip
    lines = total = 0
    for part in parts:
        lines, total = lines + part.lines, total + part.total
        digest.update(part.written)
    digest.update(_written("end", lines, total))
    return Content(lines, total, digest.digest())


def _written(*fields: object) -> bytes:
    return ("\x1f".join(str(field) for field in fields) + "\n").encode()
