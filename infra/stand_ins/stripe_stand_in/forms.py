"""Form-encoded parameters as Stripe's clients send them: `line_items[0][price_data][currency]=eur`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from stripe_stand_in.refusals import StripeRefusal, invalid, missing, unknown

_NAME = re.compile(r"([a-z_0-9]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_DEEPEST = 8


def tree(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Build the tree that the names in brackets describe; lists stay dictionaries by position until `values`."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        fits = _NAME.fullmatch(name)
        path = [fits[1], *_PART.findall(fits[2])] if fits else []
        if not path or len(path) > _DEEPEST:
            raise invalid(f"Invalid parameter name: {name[:60]}", param=name[:60])
        place = found
        for part in path[:-1]:
            inner = place.setdefault(part or str(len(place)), {})
            if not isinstance(inner, dict):
                raise invalid(f"Invalid {name}: it is both a value and a hash", param=name)
            place = inner
        place[path[-1] or str(len(place))] = value
    return found


class Form:
    """The parameters of one request, each asked for once; what nobody asked for is refused."""

    def __init__(self, content: Mapping[str, Any], prefix: str = "") -> None:
        self._left = dict(content)
        self._prefix = prefix

    def name(self, field: str) -> str:
        """The full name of a parameter, as an error names it."""
        return f"{self._prefix}[{field}]" if self._prefix else field

    def text(self, field: str) -> str | None:
        value = self._left.pop(field, None)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {self.name(field)}", param=self.name(field))
        if len(value) > 5000:
            raise invalid(f"Invalid string: {self.name(field)} is too long", param=self.name(field))
        return value

    def needed(self, field: str) -> str:
        return self.text(field) or self._raise(missing(self.name(field)))

    def whole(self, field: str) -> int | None:
        value = self.text(field)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,15}", value):
            raise invalid(f"Invalid integer: {value[:60]}", code="parameter_invalid_integer", param=self.name(field))
        return int(value)

    def flag(self, field: str) -> bool:
        value = self.text(field)
        if value not in (None, "true", "false"):
            raise invalid(f"Invalid boolean: {value}", param=self.name(field))
        return value == "true"

    def choice(self, field: str, allowed: Iterable[str]) -> str:
        value = self.needed(field)
        if value not in set(allowed):
            raise invalid(
                f"Invalid {self.name(field)}: must be one of {', '.join(sorted(allowed))}", param=self.name(field)
            )
        return value

    def inner(self, field: str) -> Form:
        value = self._left.pop(field, {})
        if not isinstance(value, dict):
            raise invalid(f"Invalid object: {self.name(field)}", param=self.name(field))
        return Form(value, self.name(field))

    def values(self, field: str, allowed: Iterable[str]) -> list[str]:
        inner = self.inner(field)
        found = [inner.choice(part, allowed) for part in sorted(inner._left, key=_position)]
        if not found:
            raise missing(self.name(field))
        return found

    def items(self, field: str) -> list[Form]:
        inner = self.inner(field)
        return [inner.inner(part) for part in sorted(inner._left, key=_position)]

    def metadata(self) -> dict[str, str]:
        inner = self.inner("metadata")
        found = {name: inner.text(name) for name in list(inner._left)}
        if len(found) > 50 or any(len(name) > 40 or len(value or "") > 500 for name, value in found.items()):
            raise invalid("Metadata has at most 50 keys of 40 characters, with values of 500.", param="metadata")
        return {name: value for name, value in found.items() if value is not None}

    def done(self) -> None:
        """Refuse what is left: it is not known here."""
        for field in self._left:
            raise unknown(self.name(field))

    def _raise(self, refusal: StripeRefusal) -> Any:
        raise refusal


def _position(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdecimal() else (10**6, part)
