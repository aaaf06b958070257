"""What is asked after the `?`: only what an address knows, and a wrong name is an error.

A parameter that is passed over changes the answer without a word: `dryrun=true` takes a file in for good, and
`asofBlock=7` gives the balances of today.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from foundation.refusals import BadRequest


async def only_known_parameters(request: Request) -> None:
    """Refuse a question with a parameter that its address does not know."""
    if not request.scope["query_string"]:
        return
    known = _known(request.scope["route"])
    if not known.issuperset(request.query_params):
        # What was sent is never repeated: it may be personal data.
        which = f"wel: {', '.join(sorted(known))}" if known else "het kent er geen"
        raise BadRequest(
            f"In de vraag staat een parameter die dit adres niet kent ({which}). Verbeter de naam, of laat hem weg.",
            pointer="query",
        )


def _known(route: APIRoute) -> frozenset[str]:
    fields = get_flat_params(route.dependant)
    return frozenset(field.alias for field in fields if isinstance(field.field_info, Query))
