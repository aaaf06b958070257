"""`python -m wallet.audit.verify [--json] [--from-block N] [--checkpoint FILE]`: what `stadsbeurs verify` runs.

Exit 0 when everything agrees, 1 when it does not, 2 when it could not be verified, 130 when it was interrupted.
`wallet.audit.command_line` says what it reads from the environment.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from foundation.processes import collect_garbage_rarely
from wallet.audit.command_line import books, giving_up
from wallet.audit.verifier import verify


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="wallet.audit.verify",
        description="Recompute every seal and every figure of the ledger from its rows.",
    )
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    parser.add_argument("--from-block", type=int, default=1, metavar="N", help="believe the rows under earlier blocks")
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="keep how far it came, and go on there when interrupted"
    )
    arguments = parser.parse_args()
    if arguments.from_block < 1:
        parser.error(f"--from-block is {arguments.from_block}; the first block is 1")
    collect_garbage_rarely()
    with giving_up("The ledger cannot be verified"):
        found = books()
        report = verify(
            found.url,
            found.keys,
            found.anchor_file,
            from_block=arguments.from_block,
            checkpoint_file=arguments.checkpoint,
        )
    if arguments.json:
        print(json.dumps(report.as_json()))
    else:
        print("\n".join(report.as_lines()))
    raise SystemExit(0 if report.ok else 1)


if __name__ == "__main__":
    main()
