"""The business date: of Amsterdam, or held still in a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import time_machine

from foundation import clock


def test_a_new_date_in_the_file_is_in_force_at_once(today: Callable[[str], None]) -> None:
    today("2026-10-01")
    assert clock.business_date() == date(2026, 10, 1)
    today("2027-01-04\n")
    assert clock.business_date() == date(2027, 1, 4)


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_without_a_date_in_the_file_it_is_today(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "date"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv(clock.DATE_FILE_SETTING, str(file))
    with time_machine.travel(datetime(2026, 3, 4, 12, tzinfo=UTC), tick=False):
        assert clock.business_date() == date(2026, 3, 4)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC), date(2026, 6, 30)),  # summer time: UTC + 2
        (datetime(2026, 6, 30, 22, 0, 0, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), date(2026, 12, 31)),  # winter time: UTC + 1
        (datetime(2026, 12, 31, 23, 0, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_the_day_changes_at_midnight_in_amsterdam(
    instant: datetime, day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(clock.DATE_FILE_SETTING, raising=False)
    with time_machine.travel(instant, tick=False):
        assert clock.business_date() == day


def test_the_file_moves_no_instant(today: Callable[[str], None]) -> None:
    today("1999-01-01")
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().utcoffset() is not None
