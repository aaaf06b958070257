"""How Stripe says no: its own error object, with its own types, codes and statuses."""

from __future__ import annotations

from typing import Any


class StripeRefusal(Exception):
    """One error as Stripe words it."""

    def __init__(
        self, status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"type": kind, "message": message}
        self.body |= {name: value for name, value in (("code", code), ("param", param)) if value is not None}


def invalid(message: str, *, code: str | None = None, param: str | None = None, status: int = 400) -> StripeRefusal:
    """The request itself is wrong."""
    return StripeRefusal(status, "invalid_request_error", message, code=code, param=param)


def missing(param: str) -> StripeRefusal:
    """A parameter that must be there is not."""
    return invalid(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown(param: str) -> StripeRefusal:
    """A parameter that this address does not know."""
    return invalid(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)


def no_such(kind: str, thing_id: str, *, param: str = "id", status: int = 404) -> StripeRefusal:
    """There is no object with this id; 400 where it was named in a parameter, 404 where in the address."""
    return invalid(f"No such {kind}: '{thing_id}'", code="resource_missing", param=param, status=status)


def wrong_state(kind: str, state: str, *, code: str = "unexpected_state") -> StripeRefusal:
    """The object is not where it should be for this."""
    return invalid(f"This {kind} cannot be changed because it has the status {state}.", code=code)
