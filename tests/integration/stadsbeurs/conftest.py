from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def private_folder() -> Iterator[Path]:
    """A folder below one that only we can enter, as a home folder is; pytest's own is not always one."""
    private = Path(tempfile.mkdtemp(prefix="private-", dir="/var/tmp"))
    assert private.stat().st_mode & 0o777 == 0o700
    yield private / "house"
    shutil.rmtree(private, ignore_errors=True)


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root lends its servers another account")
