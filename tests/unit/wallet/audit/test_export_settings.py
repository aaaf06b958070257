"""Who an auditfile is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wallet.audit.exports.settings import ExportSettings

KEYS: dict[str, Any] = {"signing_key_file": Path("k"), "trusted_keys_file": Path("k")}
NAMED: dict[str, Any] = {"municipality_name": "Gemeente X", "debtor_iban": "NL91ABNA0417164300", "bank": "files"}


def test_production_refuses_an_example_number() -> None:
    with pytest.raises(ValueError, match="MUNICIPALITY_RSIN is an example number"):
        ExportSettings(environment="production", **NAMED, **KEYS)
    # 9*9 + 9*8 + 9*7 + 9*6 + 9*5 + 0*4 + 0*3 + 2*2 - 0 = 319, 29 times eleven.
    assert ExportSettings(environment="production", municipality_rsin="999990020", **NAMED, **KEYS)


@pytest.mark.parametrize("wrong", ["999990021", "123", "gemeente"])
def test_what_is_no_rsin_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not an RSIN"):
        ExportSettings(environment="local", municipality_rsin=wrong, **KEYS)
