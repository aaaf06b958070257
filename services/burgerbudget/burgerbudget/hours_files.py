"""Hours files as volunteer organisations send them: their columns; how a file is read is `foundation.row_files`."""

from __future__ import annotations

from burgerbudget.hour_fields import ACTIVITY_LIMIT
from foundation.row_files import Columns

COLUMNS = Columns(
    ("externalId", "participantNumber", "workedOn", "hours", "activity"),
    "uren",
    numbers=frozenset({"hours"}),
    free_text_limit=ACTIVITY_LIMIT,
)
