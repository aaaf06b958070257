"""Logs: JSON lines without what looks like a BSN or an IBAN."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from foundation.observability import is_request_id, redact

BSN = "123456782"
IBAN = "NL91ABNA0417164300"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"bsn {BSN} is er al", "bsn [nummer] is er al"),
        (f"bsn={BSN}.", "bsn=[nummer]."),
        (f"({BSN})", "([nummer])"),
        (f"naar {IBAN} betaald", "naar [iban] betaald"),
        ("naar NL91 ABNA 0417 1643 00 betaald", "naar [iban] betaald"),
        ("naar BE68539007547034", "naar [iban]"),
        (f"'{IBAN}' en {BSN}", "'[iban]' en [nummer]"),
    ],
)
def test_numbers_of_people_are_taken_out(text: str, kept: str) -> None:
    assert redact(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "0190d3a2-7c1e-7a11-8f00-123456789abc",
        "00000000-0000-7000-8000-123456789012",
        "2026-10-01T00:00:00Z",
        "12345678",
        "1234567890",
        "POST /api/wallet/v1/transfers",
    ],
)
def test_what_is_no_number_of_a_person_stays(text: str) -> None:
    assert redact(text) == text


def test_request_ids_from_outside_are_short_and_plain() -> None:
    assert is_request_id("0190d3a2-7c1e-7a11-8f00-123456789abc")
    for bad in ("", "short", "x" * 65, "with space in it", "line\nbreak-12345", 'quote"-12345678', "12345678\n"):
        assert not is_request_id(bad), bad


PROGRAM = f"""
import logging, structlog
from foundation.observability import configure_logging
configure_logging("test-process", "INFO")
log = structlog.get_logger()
log.info("a-word", text="bsn {BSN}", nested={{"iban": "{IBAN}", "list": ["{BSN}", 7]}}, amount=1250)
log.debug("not-shown")
logging.getLogger("another.package").warning("payment to %s", "{IBAN}")
try:
    raise ValueError("no holder with {BSN}")
except ValueError:
    log.exception("failed")
    logging.getLogger("another.package").exception("also failed")
"""


def test_every_line_is_json_and_redacted_whoever_wrote_it() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert BSN not in ended.stdout
    assert IBAN not in ended.stdout
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["a-word", "payment to [iban]", "failed", "also failed"]
    assert lines[0]["nested"] == {"iban": "[iban]", "list": ["[nummer]", 7]}
    assert lines[0]["amount"] == 1250
    assert all(line["process"] == "test-process" and line["level"] and line["timestamp"] for line in lines)
    assert "ValueError: no holder with [nummer]" in lines[2]["exception"]
    assert "ValueError: no holder with [nummer]" in lines[3]["exception"]
