"""The `stadsbeurs` command: the whole house on one machine.

Scripts call `token` and `today` many times, so they must be quick: what a command needs is imported when it runs, and
the arguments are read by argparse, which takes a tenth of the time of a framework for commands.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from stadsbeurs.installation import Installation, refuse_production
from stadsbeurs.mistakes import Mistake

WRONG_USE = 2


class WrongUse(Mistake):
    """The command was not called as it can be called."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and leaves the way out to `main`."""

    def error(self, message: str) -> NoReturn:
        raise WrongUse(f"{message[:1].upper()}{message[1:].rstrip('.')}. See `{self.prog} --help`.")


def up(arguments: argparse.Namespace) -> None:
    """Start everything and stay; Ctrl-C stops all of it."""
    from stadsbeurs import business_date, launch

    report = launch.Report(arguments.report_to)
    try:
        refuse_production("up")
        today = business_date.parse(arguments.today) if arguments.today is not None else None
        start = launch.Start(_installation(arguments), arguments.port, today, arguments.empty)
        if arguments.detach:
            launch.detach(start, _say)
        else:
            launch.run(start, report)
    except Mistake as mistake:
        report.failed(str(mistake))
        raise
    finally:
        report.close()


def down(arguments: argparse.Namespace) -> None:
    """Stop it cleanly; returns when all its processes are gone. The data stay."""
    from stadsbeurs import launch

    launch.stop(_installation(arguments))
    _say("Stopped.")


def token(arguments: argparse.Namespace) -> None:
    """Print a bearer token of the stand-in identity provider, good for one hour."""
    from stadsbeurs import tokens

    refuse_production("token")
    installation = _installation(arguments)
    installation.require()
    _say(tokens.sign_in(installation.keys, arguments.role, arguments.subject, arguments.holder, arguments.organisation))


def today(arguments: argparse.Namespace) -> None:
    """Show or set the business date; a new one is in force in every process when this returns."""
    from stadsbeurs import business_date

    refuse_production("today")
    installation = _installation(arguments)
    wanted = business_date.parse(arguments.day) if arguments.day is not None else None
    installation.require()
    if wanted is not None:
        business_date.write(installation.business_date_file, wanted)
    _say(business_date.read(installation.business_date_file).isoformat())


def verify(arguments: argparse.Namespace) -> None:
    """Recompute seals, balances, zero sum and control totals, independently of the code that wrote them."""
    from stadsbeurs import proving

    asked = ["--json"] if arguments.json else []
    if arguments.from_block is not None:
        asked += ["--from-block", str(arguments.from_block)]
    if arguments.checkpoint is not None:
        asked += ["--checkpoint", str(arguments.checkpoint)]
    proving.run(_installation(arguments), proving.VERIFY, asked)


def proof(arguments: argparse.Namespace) -> None:
    """Prove that a transfer stands in the books as it was sealed: what to check on paper, and each step checked."""
    from stadsbeurs import proving

    asked = [*(["--json"] if arguments.json else []), "--", arguments.transfer]
    proving.run(_installation(arguments), proving.PROVE, asked)


def status(arguments: argparse.Namespace) -> int:
    """Show each process and its readiness, what waits in the outboxes, what is parked and the last seal."""
    from stadsbeurs import overview

    text, all_ready = overview.text(_installation(arguments))
    _say(text)
    return 0 if all_ready else 1


def demo(arguments: argparse.Namespace) -> int:
    """Run the main job on the sample municipality and print what happened, with figures."""
    from stadsbeurs import demo as demonstration

    refuse_production("demo")
    return demonstration.run(_installation(arguments), arguments.port)


def _installation(arguments: argparse.Namespace) -> Installation:
    return Installation.at(arguments.data)


def _say(text: str) -> None:
    print(text, flush=True)


def _parser() -> Parser:
    parser = Parser(
        prog="stadsbeurs",
        description="Stadsbeurs on one machine: start it, stop it, look at it.",
        epilog="`stadsbeurs COMMAND --help` tells more.",
        allow_abbrev=False,
    )
    where = "where the installation lives; default .stadsbeurs in the project"
    parser.add_argument("--data", metavar="DIR", type=Path, help=where)
    commands = parser.add_subparsers(metavar="COMMAND")

    def command(act: Callable[[argparse.Namespace], int | None]) -> Parser:
        text = (act.__doc__ or "").strip()
        added: Parser = commands.add_parser(act.__name__, help=text, description=text, allow_abbrev=False)
        # Also here, and without a default that would undo a --data before the command's name.
        added.add_argument("--data", metavar="DIR", type=Path, default=argparse.SUPPRESS, help=where)
        added.set_defaults(act=act)
        return added

    start = command(up)
    start.add_argument("--port", type=int, default=8000, help="the gateway's port; the only fixed one (default 8000)")
    start.add_argument("--detach", action="store_true", help="return once every service is ready")
    start.add_argument("--today", metavar="YYYY-MM-DD", help="the business date to start with")
    start.add_argument("--empty", action="store_true", help="load no sample data")
    start.add_argument("--report-to", metavar="PIPE", type=int, help=argparse.SUPPRESS)
    command(down)
    sign_in = command(token)
    sign_in.add_argument("--role", required=True, help="what the bearer is, such as caseworker")
    sign_in.add_argument("--subject", metavar="NAME", help="who it is; default the role's name")
    sign_in.add_argument("--holder", metavar="ID", help="the holder it is")
    sign_in.add_argument("--organisation", metavar="ID", help="the organisation it speaks for")
    command(today).add_argument("day", metavar="YYYY-MM-DD", nargs="?", help="the date to set")
    verifying = command(verify)
    verifying.add_argument("--json", action="store_true", help="print the result as JSON")
    verifying.add_argument("--from-block", metavar="N", type=int, help="believe the rows under the blocks before N")
    verifying.add_argument(
        "--checkpoint", metavar="FILE", type=Path, help="keep how far it came, and go on there when interrupted"
    )
    proving = command(proof)
    proving.add_argument("transfer", metavar="TRANSFER", help="the transfer's id, such as 12-4")
    proving.add_argument("--json", action="store_true", help="print the proof as JSON")
    command(status)
    command(demo).add_argument("--port", type=int, default=0, help="the gateway's port (default: a free one)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; a mistake gets one sentence on stderr and a non-zero exit status."""
    try:
        parser = _parser()
        found = parser.parse_args(arguments)
        if not hasattr(found, "act"):
            parser.print_help()
            return 0
        result = found.act(found)
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return WRONG_USE if isinstance(mistake, WrongUse) else 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(f"The machine refused: {error.strerror or error}{where}.", file=sys.stderr)
        return 1
    return result if isinstance(result, int) else 0
