"""`python -m wallet.audit.prove TRANSFER [--json]`: what `stadsbeurs proof` runs.

Prints what it takes to check on paper that a transfer stands in the books as it was sealed, and checks each step.
Exit 0 when all agree, 1 when one does not or there is nothing to prove, 2 when it could not be looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any, NoReturn

from foundation.access import Caller, Role
from foundation.database import Database
from wallet.audit import proof_steps
from wallet.audit.actions import Proof, prove_transfer
from wallet.audit.command_line import books, giving_up
from wallet.audit.proof_steps import Checked
from wallet.audit.refusals import NotSealedYet, SealBroken, TransferNotFound
from wallet.audit.schemas import ProofOut

# Whoever may run this has the database's own password, and is asked for no other.
_OPERATOR = Caller("stadsbeurs-proof", frozenset({Role.AUDITOR}))
_WIDTH = 22


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="wallet.audit.prove", description="Prove that a transfer stands in the books as it was sealed."
    )
    parser.add_argument("transfer", help="the transfer's id, such as 12-4")
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    arguments = parser.parse_args()
    with giving_up("The transfer cannot be looked at"):
        found = books()
        database = Database(found.url, pool_size=1, application_name="stadsbeurs-proof")
        try:
            with database.reading() as db:
                proof = prove_transfer(db, arguments.transfer, _OPERATOR)
                checked = proof_steps.check(proof, arguments.transfer, found.keys, found.anchor_file)
                print(json.dumps(_as_json(proof, checked)) if arguments.json else "\n".join(_as_lines(proof, checked)))
        except TransferNotFound:
            _nothing_to_prove(f"There is no transfer {arguments.transfer} in the books.")
        except NotSealedYet:
            _nothing_to_prove(f"Transfer {arguments.transfer} is not sealed yet; try again in a few seconds.")
        except SealBroken:
            _nothing_to_prove(f"Transfer {arguments.transfer} is not as it was sealed; run the verifier.")
        finally:
            database.close()
    raise SystemExit(0 if checked.agrees else 1)


def _nothing_to_prove(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    raise SystemExit(1)


def _as_json(proof: Proof, checked: Checked) -> dict[str, Any]:
    anchored = checked.anchored
    return {
        "ok": checked.agrees,
        **ProofOut.of(proof).model_dump(mode="json", by_alias=True),
        "fields": checked.fields,
        "anchor": json.loads(anchored.line()) if anchored else None,
        "steps": [{"claim": step.claim, "agrees": step.agrees} for step in checked.steps],
    }


def _as_lines(proof: Proof, checked: Checked) -> list[str]:
    block = proof.block
    sums = ", ".join(f"{asset} {total}" for asset, total in sorted(block.sums.items()))
    return [
        f"Transfer {proof.journal_id}-{proof.line}",
        *_listed(checked.fields),
        "",
        *("Encoded line, in hex:", f"  {proof.encoded.hex()}"),
        *("Leaf, its SHA-256:", f"  {proof.leaf.hex()}"),
        "Siblings up to the journal's root (each node: SHA-256 of 02, left, right):",
        *_path(proof.journal_path),
        *("Journal's root:", f"  {proof.journal_root.hex()}"),
        "Siblings up to the block's root (each node: SHA-256 of 03, left, right):",
        *_path(proof.block_path),
        "",
        f"Block {block.number}",
        *_listed(
            {
                "format version": block.format_version,
                "previous header": block.previous_header.hex(),
                "root": block.root.hex(),
                "journals": block.journals,
                "entries": block.entries,
                "first journal": block.first_journal,
                "last journal": block.last_journal,
                "credited": sums,
                "sealed at": block.sealed_at.isoformat(timespec="microseconds"),
                "header": block.header.hex(),
                "signature (Ed25519)": block.signature.hex(),
                "key": block.key_id,
            }
        ),
        "",
        "Line in the anchor file:",
        f"  {checked.anchored.line().decode().rstrip() if checked.anchored else 'none'}",
        "",
        *(f"{'agrees' if step.agrees else 'WRONG '}  {step.claim}" for step in checked.steps),
        "",
        f"{sum(step.agrees for step in checked.steps)} of {len(checked.steps)} steps agree.",
    ]


def _listed(values: Any) -> list[str]:
    return [f"  {name:<{_WIDTH}}{'-' if value is None else value}" for name, value in values.items()]


def _path(path: Any) -> list[str]:
    return [f"  {sibling.side:<7}{sibling.hash.hex()}" for sibling in path] or ["  none: it is the root itself"]


if __name__ == "__main__":
    main()
