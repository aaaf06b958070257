"""Every way in which a transfer batch is refused as a whole; what is wrong with a line is an exception of the batch."""

from __future__ import annotations

from foundation.refusals import BadRequest, Conflict, Forbidden, NotFound


class UnreadableFile(BadRequest):
    """A file that cannot be read at all; nothing of it is kept."""

    code = "unreadableFile"


class EmptyFile(UnreadableFile):
    code = "emptyFile"


class NulByte(UnreadableFile):
    code = "nulByte"


class NotText(UnreadableFile):
    code = "notText"


class NotCsv(UnreadableFile):
    code = "notCsv"


class NotJsonLines(UnreadableFile):
    code = "notJsonLines"


class WrongHeader(UnreadableFile):
    code = "wrongHeader"


class BatchNotFound(NotFound):
    code = "unknownBatch"

    def __init__(self) -> None:
        super().__init__("Deze overboekingen zijn er niet.")


class NotTheMaker(Forbidden):
    code = "notTheMaker"


class WrongState(Conflict):
    code = "wrongState"


class HasExceptions(Conflict):
    code = "hasExceptions"


class NothingToPost(Conflict):
    code = "nothingToPost"


class WrongHash(Conflict):
    code = "wrongHash"
