"""Files of rows that a service works through afterwards: kept as they came, in chunks, going on where it was.

What differs per service is in its `FileWork`: its two tables, the columns of its files and what a chunk of rows comes
to. `intake` is the side that is spoken to over HTTP.
"""

from __future__ import annotations

from foundation.file_work.description import Arrived, ChunkResult, FileWork, Outcome
from foundation.file_work.models import FileImportBase, FileImportRowBase
from foundation.file_work.queries import find, outcomes
from foundation.file_work.working import MAX_ATTEMPTS, receive_file, work_through_next_file

__all__ = [
    "MAX_ATTEMPTS",
    "Arrived",
    "ChunkResult",
    "FileImportBase",
    "FileImportRowBase",
    "FileWork",
    "Outcome",
    "find",
    "outcomes",
    "receive_file",
    "work_through_next_file",
]
