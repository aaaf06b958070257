from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from stadsbeurs import business_date
from stadsbeurs.mistakes import Mistake


def test_a_date_is_read_as_it_is_written_in_the_contract() -> None:
    assert business_date.parse("2026-10-01") == date(2026, 10, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01-10-2026",
        "20261001",
        "2026-W40-4",
        "2026-13-01",
        "2026-02-29",
        "2026-10-01T00:00",
        "٢٠٢٦-10-01",
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    with pytest.raises(Mistake, match="is not a date; write it as 2026-10-01"):
        business_date.parse(text)


def test_without_a_set_date_the_real_one_in_amsterdam_is_in_force(tmp_path: Path) -> None:
    before = datetime.now(ZoneInfo("Europe/Amsterdam")).date()
    found = business_date.read(tmp_path / "business-date")
    assert before <= found <= datetime.now(ZoneInfo("Europe/Amsterdam")).date()


def test_a_set_date_is_in_force_at_once_and_can_be_read_by_the_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from foundation import clock

    file = tmp_path / "business-date"
    monkeypatch.setenv(clock.DATE_FILE_SETTING, str(file))
    business_date.write(file, date(2027, 1, 1))
    assert business_date.read(file) == clock.business_date() == date(2027, 1, 1)
    business_date.write(file, date(2026, 12, 31))
    assert business_date.read(file) == clock.business_date() == date(2026, 12, 31)
    assert [path.name for path in tmp_path.iterdir()] == ["business-date"]
