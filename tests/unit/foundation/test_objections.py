"""Until when one may object."""

from __future__ import annotations

from datetime import date

import pytest

from foundation.objections import object_until


@pytest.mark.parametrize(
    ("decided_on", "last"),
    [
        pytest.param(date(2026, 10, 1), date(2026, 11, 12), id="a Thursday"),
        pytest.param(date(2026, 8, 15), date(2026, 9, 28), id="a Saturday, and so the Monday"),
        pytest.param(date(2026, 8, 16), date(2026, 9, 28), id="a Sunday, and so the Monday"),
        pytest.param(date(2026, 2, 20), date(2026, 4, 7), id="Good Friday, and behind it Easter"),
        pytest.param(date(2026, 3, 16), date(2026, 4, 28), id="the King's birthday"),
        pytest.param(date(2026, 3, 24), date(2026, 5, 6), id="the fifth of May, also in a year that is no lustrum"),
        pytest.param(date(2026, 4, 2), date(2026, 5, 15), id="Ascension Day"),
        pytest.param(date(2026, 4, 13), date(2026, 5, 26), id="Whit Monday"),
        pytest.param(date(2026, 11, 13), date(2026, 12, 28), id="Christmas, and the Sunday behind it"),
        pytest.param(date(2026, 11, 20), date(2027, 1, 4), id="New Year, and the weekend behind it"),
    ],
)
def test_six_weeks_and_never_until_a_day_on_which_offices_are_closed(decided_on: date, last: date) -> None:
    assert object_until(decided_on, 6) == last
