"""Refusals: every way to say no, with its status, a stable code and words for people (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

TITLES = {
    400: "De aanvraag is niet goed opgebouwd",
    401: "U bent niet aangemeld",
    403: "Dit mag u niet",
    404: "Niet gevonden",
    405: "Deze methode kan hier niet",
    409: "Een regel staat dit niet toe",
    413: "Te groot",
    415: "Dit soort inhoud kan hier niet",
    422: "De sleutel hoort bij een andere aanvraag",
    429: "Te veel aanvragen",
    500: "Er ging iets mis",
    502: "Een dienst achter deze antwoordt niet",
    503: "Nu even niet beschikbaar",
    504: "Een dienst achter deze antwoordt te laat",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (a JSON pointer into the body, or empty), its code, and a sentence.

    `more` are further fields for programs, under names of their own.
    """

    pointer: str
    code: str
    message: str
    more: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Exception):
    """A request that cannot be done, for a reason its sender can understand.

    Subclasses set `status` and `code`; the message says what was refused, with which value, and what to do.
    """

    status: ClassVar[int] = 409
    code: ClassVar[str] = "refused"

    def __init__(
        self,
        message: str,
        *,
        pointer: str = "",
        errors: Sequence[Problem] | None = None,
        headers: Mapping[str, str] | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.errors = list(errors) if errors else [Problem(pointer, code or type(self).code, message)]
        self.headers = dict(headers or {})

    def as_problem(self) -> dict[str, Any]:
        """Give the body of an `application/problem+json` answer."""
        return problem(self.status, self.message, self.errors)


def problem(status: int, detail: str, errors: Sequence[Problem] = ()) -> dict[str, Any]:
    """Build a problem document."""
    return {
        "type": f"urn:stadsbeurs:problem:{errors[0].code if errors else status}",
        "title": TITLES.get(status, "Er ging iets mis"),
        "status": status,
        "detail": detail,
        "errors": [{**e.more, "pointer": e.pointer, "code": e.code, "message": e.message} for e in errors],
    }


class BadRequest(Refusal):
    status = 400
    code = "malformed"


class Unauthenticated(Refusal):
    status = 401
    code = "unauthenticated"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Refusal):
    status = 403
    code = "forbidden"


class NotFound(Refusal):
    status = 404
    code = "notFound"


class Conflict(Refusal):
    status = 409
    code = "conflict"


class TooLarge(Refusal):
    status = 413
    code = "tooLarge"


class UnsupportedType(Refusal):
    status = 415
    code = "unsupportedType"


class Unprocessable(Refusal):
    status = 422
    code = "unprocessable"


class TooMany(Refusal):
    status = 429
    code = "tooMany"


class Unavailable(Refusal):
    status = 503
    code = "unavailable"
