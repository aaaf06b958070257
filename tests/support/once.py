"""What is made once for a test process, where each test would make it anew: it costs more than most tests do.

None of it changes what an API answers. A house that a test starts with the `stadsbeurs` command has nothing of this:
it starts as it does everywhere.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.routing import BaseRoute

from foundation.application import Api


@contextmanager
def prepared_routes() -> Iterator[None]:
    """Let APIs with the same routers share what FastAPI works out of them at the first request.

    Routers hold no state of an API: its database, verifier and settings are on `app.state`, which stays its own.
    """
    prepared: dict[tuple[int, str], tuple[APIRouter, list[BaseRoute]]] = {}
    include = Api.include_router

    def include_once(api: Api, router: APIRouter, *, prefix: str = "", **options: Any) -> None:
        if options:
            include(api, router, prefix=prefix, **options)
            return
        known = prepared.get((id(router), prefix))
        if known is None:
            before = len(api.router.routes)
            include(api, router, prefix=prefix)
            # The router is kept too, so that no other gets its id.
            prepared[id(router), prefix] = (router, api.router.routes[before:])
        else:
            api.router.routes.extend(known[1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Api, "include_router", include_once)
        yield


@contextmanager
def certificates() -> Iterator[None]:
    """Read the certificates of the authorities once, instead of for each HTTP client."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield
