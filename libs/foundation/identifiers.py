"""Identifiers made in the service: time-ordered, so that indexes grow at one end."""

from __future__ import annotations

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """Make a UUID version 7."""
    made: UUID = uuid_utils.compat.uuid7()
    return made


def identifier(text: str) -> UUID | None:
    """Read an identifier from a path or a body; None where it cannot be one of ours."""
    try:
        return UUID(text)
    except ValueError:
        return None
