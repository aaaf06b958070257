"""Payment references: under which a scheme expects money at the bank, and how they are found in what a payer wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stdnum import iso11649

# "RF", two check digits and up to 21 more, in groups as people copy them. It begins and ends at the edge of a word: a
# reference that was typed one character too long is another one.
_WRITTEN = re.compile(r"(?<![A-Z0-9])(?=(R ?F ?[0-9] ?[0-9](?: ?[A-Z0-9]){1,21}))", re.ASCII | re.IGNORECASE)
_SPACES = re.compile(r"\s+")


def clean_reference(written: str) -> str | None:
    """Give a creditor reference (ISO 11649) without spaces and in capitals, or None where it is not one."""
    compact = _SPACES.sub("", written).upper()
    # The library also drops dashes and dots; what is given here stays what was given.
    return compact if compact.isascii() and iso11649.is_valid(compact) and compact.isalnum() else None


def references_in(texts: Iterable[str]) -> frozenset[str]:
    """Give every creditor reference that can be read in what a payer wrote, with a check sum that is right.

    Where words follow it is not said where it ends, so more than one may be read at one place: which of them somebody
    registered decides.
    """
    found: set[str] = set()
    line = _SPACES.sub(" ", " ".join(texts))
    for match in _WRITTEN.finditer(line):
        start, written = match.start(1), match[1]
        for end in range(5, len(written) + 1):
            if line[start + end : start + end + 1].isalnum():
                continue
            reference = clean_reference(written[:end])
            if reference is not None:
                found.add(reference)
    return frozenset(found)
