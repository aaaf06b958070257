"""Waking the worker after a commit; without it the worker's clock finds the row a moment later."""

from __future__ import annotations

from fastapi import Request

from foundation.identifiers import new_id


def ring_jobs(request: Request) -> None:
    """Have the worker look for jobs."""
    if request.app.state.ring_jobs is not None:
        request.app.state.ring_jobs(new_id())
