"""May this call be made, and for how long?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from belkosten.rules.authorising import (
    Answer,
    CallerOnTheLine,
    CallRefusal,
    answer_for,
    refusal_of,
    reservation,
)
from belkosten.rules.tariffs import Tariff
from foundation.money import Cents

LINE = UUID(int=1)
TARIFF = Tariff(2300)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (CallerOnTheLine(None, None, True), CallRefusal.NOT_REGISTERED),
        (CallerOnTheLine("h1", None, True), CallRefusal.NUMBER_NOT_APPROVED),
        (CallerOnTheLine("h1", LINE, True), CallRefusal.CALL_ENDED),
        (CallerOnTheLine("h1", LINE, False), None),
    ],
)
def test_the_first_reason_that_holds_is_told(line: CallerOnTheLine, reason: CallRefusal | None) -> None:
    assert refusal_of(line) is reason


@pytest.mark.parametrize(("held", "seconds"), [(1_380, 3_600), (1_379, 3_598), (1_000, 2_609), (1, 3)])
def test_a_call_lasts_as_long_as_what_is_held_pays_for(held: int, seconds: int) -> None:
    # 13.79 pays for 3,598 seconds (13.7923, half-up 13.79); 3,599 make 13.7962, which is 13.80.
    assert answer_for(Cents(held), TARIFF, 3_600) == Answer(seconds)


def test_nothing_held_is_no_call() -> None:
    answer = answer_for(Cents(0), TARIFF, 3_600)
    assert answer == Answer(0, CallRefusal.NO_CREDIT) and not answer.allowed


def test_the_longest_call_is_reserved_until_its_record_is_overdue_on_a_whole_minute() -> None:
    at = datetime(2026, 10, 1, 10, 0, 1, tzinfo=UTC)
    wanted = reservation(TARIFF, 3_600, timedelta(hours=2), at)
    assert (wanted.at_most, wanted.expires_at) == (1_380, datetime(2026, 10, 1, 13, 1, tzinfo=UTC))
    sharp = reservation(TARIFF, 3_600, timedelta(hours=2), at.replace(second=0))
    assert sharp.expires_at == datetime(2026, 10, 1, 13, 0, tzinfo=UTC)
