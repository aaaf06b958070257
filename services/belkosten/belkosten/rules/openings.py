"""When one can come in where a telephone stands (`toestel`, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from itertools import pairwise


@dataclass(frozen=True, order=True, slots=True)
class Opening:
    """From when until when one can come in on a weekday (1 is Monday); at `closes` the door is shut."""

    weekday: int
    opens: time
    closes: time


def overlapping(openings: Sequence[Opening]) -> Opening | None:
    """Give the first opening that begins before the one before it on that day has ended; None where there is none."""
    for earlier, later in pairwise(sorted(openings)):
        if earlier.weekday == later.weekday and later.opens < earlier.closes:
            return later
    return None
