"""The demo's last word: everything sealed, the ledger verified by `stadsbeurs verify`, the books in balance."""
# ruff: noqa: S603 - what is run is this Python with a module of ours

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from stadsbeurs.mistakes import Mistake
from stadsbeurs.people import WALLET
from stadsbeurs.sample import Municipality

SEALED_WITHIN_S = 30.0
VERIFIED_WITHIN_S = 60.0
BETWEEN_S = 0.5


@dataclass
class Proof:
    """What the ledger says of itself, and what separate code says of the ledger."""

    municipality: Municipality
    verified: dict[str, Any] = field(default_factory=dict)

    def give(self) -> None:
        """Verify once everything is sealed, and look at the trial balance."""
        story = self.municipality.story
        with story.step("The ledger proves itself: seals, balances and control totals are verified"):
            self.municipality.wait_until_posted()
            found = self._verified_when_sealed()
            unsealed = {"unsealed": found["unsealed"], "notAnchored": found["notAnchored"]}
            story.check("everything is sealed and anchored", {"unsealed": 0, "notAnchored": 0}, unsealed)
            rows = f"{found['rows']} rows, {found['rowsPerSecond']} a second"
            story.check(f"stadsbeurs verify: {rows}", {"ok": True, "differences": []}, self._outcome(found))
            balance = self.municipality.auditor.get(f"{WALLET}/trial-balance")
            story.check(
                "trial balance: debit and credit differ by 0",
                dict.fromkeys(("EUR", "LESSON", "PIECE", "POINT"), 0),
                {asset: totals["difference"] for asset, totals in balance.items()},
            )

    def figures(self) -> dict[str, str]:
        """What the summary shows of it."""
        names = ("blocks", "journals", "entries", "accounts")
        return {f"{name} verified": str(self.verified[name]) for name in names}

    def _verified_when_sealed(self) -> dict[str, Any]:
        """What `stadsbeurs verify --json` says, once nothing waits for its seal or within a bounded time."""
        deadline = time.monotonic() + SEALED_WITHIN_S
        while True:
            self.verified = self._verify()
            waits = self.verified["unsealed"] or self.verified["notAnchored"]
            if not waits or not self.verified["ok"] or time.monotonic() > deadline:
                return self.verified
            time.sleep(BETWEEN_S)

    def _verify(self) -> dict[str, Any]:
        house = str(self.municipality.installation.root)
        done = subprocess.run(
            [sys.executable, "-P", "-m", "stadsbeurs", "verify", "--json", "--data", house],
            capture_output=True,
            text=True,
            timeout=VERIFIED_WITHIN_S,
            check=False,
        )
        try:
            content = json.loads(done.stdout)
        except ValueError:
            raise Mistake(f"The ledger was not verified: {done.stderr.strip() or 'no answer'}") from None
        assert isinstance(content, dict)
        return {**content, "ok": content["ok"] and done.returncode == 0}

    @staticmethod
    def _outcome(found: dict[str, Any]) -> dict[str, Any]:
        return {"ok": found["ok"], "differences": found["differences"]}
