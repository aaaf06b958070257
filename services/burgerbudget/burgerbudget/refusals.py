"""Every way in which the burgerbudget says no, beside the codes of an hour row (rules.HourCode)."""

from __future__ import annotations

from foundation.refusals import BadRequest, Conflict, Forbidden, NotFound

__all__ = [
    "AlreadyCorrected",
    "AlreadyEnrolled",
    "EnrolledTooEarly",
    "HourRefused",
    "HourUnreadable",
    "NotEnded",
    "NotStopped",
    "NumberTaken",
    "OrganisationUnknown",
    "PreviousQuarterOpen",
    "RegelingNotOffered",
    "UnknownDecision",
    "UnknownHour",
    "UnknownImport",
    "UnknownNotice",
    "UnknownParticipant",
]


class UnknownParticipant(NotFound):
    code = "unknownParticipant"


class UnknownHour(NotFound):
    code = "unknownHour"


class UnknownDecision(NotFound):
    code = "unknownDecision"


class UnknownNotice(NotFound):
    code = "unknownNotice"


class UnknownImport(NotFound):
    code = "unknownImport"


class OrganisationUnknown(Forbidden):
    """The token names no organisation that is registered here."""

    code = "organisationUnknown"


class AlreadyEnrolled(Conflict):
    code = "alreadyEnrolled"


class NumberTaken(Conflict):
    code = "numberTaken"


class EnrolledTooEarly(Conflict):
    code = "quarterClosed"


class RegelingNotOffered(Conflict):
    code = "regelingNotOffered"


class NotStopped(Conflict):
    code = "notStopped"


class NotEnded(Conflict):
    code = "quarterNotEnded"


class PreviousQuarterOpen(Conflict):
    code = "previousQuarterOpen"


class AlreadyCorrected(Conflict):
    code = "alreadyCorrected"


class HourRefused(Conflict):
    """A rule does not let this hour row count; the code is one of the contract's."""


class HourUnreadable(BadRequest):
    """An hour row with a number or a date that is none."""
