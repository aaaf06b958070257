"""Why a file cannot be read at all; what is wrong in one row is told for that row."""

from __future__ import annotations

from foundation.refusals import BadRequest


class UnreadableFile(BadRequest):
    """A file that cannot be read as a file of these rows at all; nothing of it is judged."""

    code = "unreadableFile"


class EmptyFile(UnreadableFile):
    code = "emptyFile"


class NulByte(UnreadableFile):
    code = "nulByte"

    @classmethod
    def found(cls) -> NulByte:
        return cls("Het bestand bevat een NUL-teken; dat hoort niet in tekst. Bewaar het opnieuw als CSV UTF-8.")


class NotCsvOrJson(UnreadableFile):
    code = "notCsvOrJson"


class NotText(UnreadableFile):
    code = "notText"


class WrongHeader(UnreadableFile):
    code = "wrongHeader"


class InvalidJson(UnreadableFile):
    code = "invalidJson"
