"""The demo's payout: a batch of purse `vrij` by two people, the SEPA file, and the bank statement that answers it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from lxml import etree

from foundation.money import cents_of, euros
from foundation.target_days import next_target_day
from stadsbeurs.accounts import write_private
from stadsbeurs.mistakes import Mistake
from stadsbeurs.people import WALLET
from stadsbeurs.sample import Municipality
from stadsbeurs.story import Story

PURSE = "vrij"
XML = "application/xml"
RETURN_REASON = "AC04"
"""ISO 20022: the account is closed."""


@dataclass
class Payout:
    """One payout batch from draft to settled; `folder` gets the files that go to and come from the bank."""

    municipality: Municipality
    folder: Path
    batch: dict[str, Any] = field(default_factory=dict)
    returned: str = ""
    """The number of the participant whose payment the bank gives back."""
    statement: bytes = b""

    def make_and_send(self) -> None:
        """Draft, submit and send by finance-maker, approve by finance-checker, and look into the file."""
        with self._story.step("Purse vrij is paid out: drafted, approved by another, sent as pain.001"):
            self._draft()
            content_hash = self._submit()
            self._approve(content_hash)
            sent = self._send()
            self._check_file(sent)

    def settle_from_bank_statement(self) -> None:
        """Import the bank's statement, in which one payment comes back, twice: the second time changes nothing."""
        with self._story.step("The bank statement is imported: all is settled, one payment comes back"):
            self._check_purses("every purse vrij is empty since it was sent", {})
            self._order_statement()
            self._import("sample-statement", "the statement", matched=1, returned=1)
            state = self.municipality.finance_maker.get(self._address)["state"]
            self._story.check("the batch is settled", "settled", state)
            self._check_purses("every paid purse vrij is 0, the returned one is whole again", self._returned_whole)
            self._check_seen_by_holder()
            self._import("sample-statement-again", "the same statement once more", repeated=2)
            self._check_purses("no purse has changed by that", self._returned_whole)

    def figures(self) -> dict[str, str]:
        """What the summary shows of it."""
        return {
            "payments sent": str(self.batch["lines"]),
            "paid out": f"€ {euros(self.batch['total'])}",
            "of which came back": f"€ {euros(self._returned_whole[self.returned])}",
        }

    # Drafting to sending

    def _draft(self) -> None:
        day = next_target_day(self.municipality.last_day)
        body = {"purse": PURSE, "executeOn": day.isoformat()}
        self.batch = self.municipality.finance_maker.post(f"{WALLET}/payout-batches", "sample-payout", body)
        payable = {number: figures[PURSE] for number, figures in self._expected.items() if figures[PURSE]}
        excluded = Counter(one["reason"] for one in self.batch["excluded"])
        self._story.check(
            f"batch of {self.batch['lines']} payments for {day}: € {euros(self.batch['total'])}",
            {"lines": len(payable), "total": sum(payable.values())},
            {"lines": self.batch["lines"], "total": self.batch["total"]},
        )
        listed = ", ".join(f"{count} × {reason}" for reason, count in excluded.items()) or "nobody"
        numbers = {holder: number for number, holder in self.municipality.holder_ids.items()}
        self._story.check(
            f"excluded: {listed}; nobody with money",
            [],
            [numbers[one["holder"]] for one in self.batch["excluded"] if numbers[one["holder"]] in payable],
        )
        self.returned = min(payable)

    def _submit(self) -> str:
        answer = self.municipality.finance_maker.post(f"{self._address}/submissions", "sample-payout-submitted")
        self._story.tell(f"submitted by finance-maker and frozen with hash {answer['contentHash'][:16]}…")
        return str(answer["contentHash"])

    def _approve(self, content_hash: str) -> None:
        body = {"contentHash": content_hash}
        answer = self.municipality.finance_checker.post(f"{self._address}/approvals", "sample-payout-approved", body)
        self._story.check("approved by finance-checker with that hash", "approved", answer["state"])

    def _send(self) -> Any:
        body = {"channel": "sepa"}
        answer = self.municipality.finance_maker.post(f"{self._address}/sendings", "sample-payout-sent", body)
        self._story.check("sent to the bank", "sent", answer["state"])
        return answer

    def _check_file(self, sent: Any) -> None:
        """The file's own control totals, its lines, and the same bytes each time it is fetched."""
        content, again = (self.municipality.finance_maker.fetch(f"{self._address}/pain001").content for _ in range(2))
        self._save("pain.001.xml", content)
        file = _xml(content)
        amounts = [cents_of(str(node.text)) for node in file.iterfind(".//{*}InstdAmt")]
        expected = {"NbOfTxs": str(self.batch["lines"]), "CtrlSum": self.batch["total"]}
        for part in ("GrpHdr", "PmtInf"):
            found = {
                "NbOfTxs": file.findtext(f".//{{*}}{part}/{{*}}NbOfTxs"),
                "CtrlSum": cents_of(Decimal(file.findtext(f".//{{*}}{part}/{{*}}CtrlSum", "0"))),
            }
            self._story.check(f"pain.001 {part}: count and control sum", expected, found)
        self._story.check(
            f"pain.001: its {len(amounts)} lines add up",
            {"lines": self.batch["lines"], "sum": self.batch["total"]},
            {"lines": len(amounts), "sum": sum(amounts)},
        )
        digest = hashlib.sha256(content).hexdigest()
        self._story.check("pain.001: the same bytes each time", digest, hashlib.sha256(again).hexdigest())
        self._story.check(f"pain.001: sha256 {digest[:16]}… as was said when it was sent", sent["sha256"], digest)

    # The bank's answer

    def _order_statement(self) -> None:
        """The stand-in bank writes a camt.053: everything is paid, and one payment comes back."""
        planted = {"holder": self.municipality.holder_ids[self.returned], "reason": RETURN_REASON}
        body = {"batchId": self.batch["id"], "returns": [planted]}
        address = f"{WALLET}/stand-in-bank/statements"
        self.statement = self.municipality.finance_maker.order(address, "sample-statement-made", body)
        self._save("camt.053.xml", self.statement)

    def _import(self, key: str, what: str, **expected: int) -> None:
        answer = self.municipality.finance_maker.upload(f"{WALLET}/bank-messages", key, self.statement, XML)
        outcomes = {name: answer[name] for name in ("matched", "returned", "unknown", "repeated")}
        told = ", ".join(f"{count} {name}" for name, count in outcomes.items())
        self._story.check(f"{what}: {told}", {**dict.fromkeys(outcomes, 0), **expected}, outcomes)

    def _check_purses(self, what: str, filled: Mapping[str, int]) -> None:
        """Every participant's purse holds what `filled` says, and nothing where it says nothing."""
        found = self.municipality.balances(PURSE)
        self._story.check(what, {**dict.fromkeys(found, 0), **filled}, found)

    def _check_seen_by_holder(self) -> None:
        """The participant whose payment came back sees the money on the own page."""
        holder = self.municipality.holder_ids[self.returned]
        person = self.municipality.people.person("pass-holder", f"participant-{self.returned}", holder=holder)
        purses = {one["purse"]: one["available"] for one in person.get(f"{WALLET}/holders/{holder}/purses")["items"]}
        amount = self._returned_whole[self.returned]
        self._story.check(f"participant {self.returned} can use € {euros(amount)} again", amount, purses.get(PURSE))

    @property
    def _returned_whole(self) -> dict[str, int]:
        return {self.returned: self._expected[self.returned][PURSE]}

    def _save(self, name: str, content: bytes) -> None:
        write_private(self.folder / name, content.decode("utf-8"))
        digest = hashlib.sha256(content).hexdigest()
        self._story.tell(f"{name}: {len(content)} bytes, sha256 {digest}")

    @property
    def _story(self) -> Story:
        return self.municipality.story

    @property
    def _expected(self) -> Any:
        return self.municipality.sample.expected["participants"]

    @property
    def _address(self) -> str:
        return f"{WALLET}/payout-batches/{self.batch['id']}"


def _xml(content: bytes) -> Any:
    try:
        return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise Mistake(f"The payout file is no XML: {error}.") from error
