"""What is counted beside what every process counts."""

from __future__ import annotations

from prometheus_client import Counter

HOURS_ROWS = Counter("burgerbudget_hours_rows_total", "Hour rows judged.", ["outcome"])
PARTICIPANTS_JUDGED = Counter("burgerbudget_participants_judged_total", "Participants judged at a close.")
