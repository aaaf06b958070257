"""The rules of the burgerbudget (BB-1 to BB-10): what follows from what, and nothing that happens.

- `participation`: when somebody takes part (BB-1, BB-6, BB-7)
- `hours`: whether an hour row counts (BB-2)
- `uses`: how much a worked hour moves from `burgerbudget` to `vrij` (BB-3, BB-8)
- `quarters`: what the close of a quarter means, also when hours come late (BB-4, BB-5, BB-6, BB-9)
"""

from burgerbudget.rules.hours import (
    BAD_INPUT_CODES,
    KNOWN,
    Accepted,
    HourCode,
    HourContent,
    HourContext,
    HourRow,
    Known,
    MalformedRow,
    Recognition,
    Refused,
    judge_correction,
    judge_hour,
)
from burgerbudget.rules.participation import (
    Participation,
    Stop,
    may_enrol_on,
    restart_quarter,
    start_is_due,
    start_quarter,
)
from burgerbudget.rules.quarters import (
    Improvement,
    Insufficient,
    JudgedQuarter,
    Judgement,
    Standing,
    Sufficient,
    after_judgement,
    insufficient_in_a_row,
    judge_quarter,
    rejudge,
)
from burgerbudget.rules.uses import Use, previous_quarter, use, use_is_due, worth

__all__ = [
    "BAD_INPUT_CODES",
    "KNOWN",
    "Accepted",
    "HourCode",
    "HourContent",
    "HourContext",
    "HourRow",
    "Improvement",
    "Insufficient",
    "JudgedQuarter",
    "Judgement",
    "Known",
    "MalformedRow",
    "Participation",
    "Recognition",
    "Refused",
    "Standing",
    "Stop",
    "Sufficient",
    "Use",
    "after_judgement",
    "insufficient_in_a_row",
    "judge_correction",
    "judge_hour",
    "judge_quarter",
    "may_enrol_on",
    "previous_quarter",
    "rejudge",
    "restart_quarter",
    "start_is_due",
    "start_quarter",
    "use",
    "use_is_due",
    "worth",
]
