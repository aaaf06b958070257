"""What goes in and out of payables over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from foundation.schemas import ApiModel, ApiOut

ProviderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$", max_length=60)]


class PayablesIn(ApiModel):
    """A provider by its id; what it is called and where it banks is not the ledger's to know."""

    provider: ProviderId


class PayablesOut(ApiOut):
    """`owner` and the name of a purse make the address of what this provider is owed out of such purses."""

    provider: str
    owner: str
