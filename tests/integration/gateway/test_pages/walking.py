"""A browser's steps through the pages, and who walks."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import httpx

NB = "\N{NO-BREAK SPACE}"
MARIA = "0190aaaa-0000-7000-8000-000000000001"
EMPTY = "0190aaaa-0000-7000-8000-000000000002"


def sign_in(browser: httpx.Client, role: str = "pass-holder", **fields: str) -> httpx.Response:
    return browser.post("/aanmelden", data={"rol": role, **fields})


def words(page: httpx.Response) -> str:
    """The text of a page without its tags, as it is read aloud."""
    silent = re.sub(r'<span aria-hidden="true">[^<]*</span>', "", page.text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", silent.replace(NB, "_"))).replace("_", NB)


def there(away: httpx.Client) -> httpx.Response:
    """Go to the issuer and give its answer, which sends the browser back."""
    begun = away.get("/aanmelden/begin")
    assert begun.status_code == 303
    return httpx.get(begun.headers["location"])


def back(away: httpx.Client, answer: httpx.Response, **changes: str) -> httpx.Response:
    """Follow the way back, as it is or with other parameters."""
    parts = urlsplit(answer.headers["location"])
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return away.get(parts.path, params=query | changes)
