"""The house in which the demo runs: below the data folder, made anew, on free ports, and gone with the demo.

`python -m stadsbeurs.demo_house FOLDER PORT DAY PIPE` is that house; it ends when the demo does, however that ends.
"""
# ruff: noqa: S603 - what is run is this Python with a module of ours

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import FrameType
from typing import NoReturn

from foundation.processes import die_with_parent
from stadsbeurs import business_date, launch, ports
from stadsbeurs.accounts import private_folder
from stadsbeurs.installation import Installation
from stadsbeurs.mistakes import Mistake
from stadsbeurs.processes import last_line, wait_until
from stadsbeurs.story import Story


@dataclass(frozen=True)
class Workplace:
    """The folder of one demo: the house, and beside it the files that went to and came from the bank."""

    folder: Path

    @property
    def house(self) -> Installation:
        return Installation(self.folder / "house")

    @property
    def log(self) -> Path:
        return self.folder / "house.log"

    @classmethod
    @contextmanager
    def made_anew(cls, installation: Installation) -> Iterator[Workplace]:
        """An empty workplace below the installation, in use by nobody else. Raises `Mistake`."""
        workplace = cls(installation.root / "demo")
        private_folder(installation.root)
        lock = os.open(installation.root / "demo.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            where = f"A demo already runs in {installation.root}"
            raise Mistake(f"{where}; wait until it has ended, or give another folder with --data.") from None
        else:
            workplace._empty()
            yield workplace
        finally:
            os.close(lock)

    def _empty(self) -> None:
        if self.house.keys.is_dir():
            # A demo that was killed may not have seen its house stop.
            wait_until(lambda: self.house.holder() is None, launch.STOPS_WITHIN_S)
            with suppress(Mistake):
                launch.stop(self.house)
        shutil.rmtree(self.folder, ignore_errors=True)
        private_folder(self.folder)


@contextmanager
def house_of_its_own(story: Story, workplace: Workplace, port: int, today: date) -> Iterator[str]:
    """Start a house and give its address; it is stopped at the end, also when the demo is interrupted."""
    chosen = port or ports.pick()
    with _told_to_stop_as_by_ctrl_c():
        receive, send = os.pipe()
        with os.fdopen(receive, encoding="utf-8") as report:
            with story.step("The house starts"):
                house = _spawn(workplace, chosen, today, send)
                try:
                    _wait_until_ready(report, house, workplace)
                except BaseException:
                    _stop(house)
                    raise
                address = f"http://127.0.0.1:{chosen}"
                story.tell(
                    f"PostgreSQL, Valkey, three services, their gateway and a stand-in of Stripe are ready at {address}"
                )
            try:
                yield address
            except BaseException:
                _stop(house)
                raise
        with story.step("The house stops"):
            _stop(house)
            if house.returncode:
                raise Mistake(f"The house did not stop cleanly: {last_line(workplace.log)}")


def _spawn(workplace: Workplace, port: int, today: date, pipe: int) -> subprocess.Popen[bytes]:
    # The embedded default whatever else is set: a demo must not touch servers that hold something.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STADSBEURS_")}
    command = (str(workplace.house.root), str(port), today.isoformat(), str(pipe))
    try:
        with workplace.log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "stadsbeurs.demo_house", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl-C reaches the demo, and the demo stops the house in order
                pass_fds=[pipe],
            )
    except OSError as error:
        raise Mistake(f"Cannot start the house: {error.strerror or error}.") from error
    finally:
        os.close(pipe)


def _wait_until_ready(report: Iterator[str], house: subprocess.Popen[bytes], workplace: Workplace) -> None:
    for line in report:
        content = json.loads(line)
        if "failed" in content:
            raise Mistake(content["failed"])
        if "ready" in content:
            return
    house.wait()
    raise Mistake(f"The house did not start: {last_line(workplace.log)}")


def _stop(house: subprocess.Popen[bytes]) -> None:
    if house.poll() is None:
        house.terminate()
    try:
        house.wait(launch.STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        house.kill()
        house.wait()


@contextmanager
def _told_to_stop_as_by_ctrl_c() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does, with its house; a second one changes nothing."""
    told = (signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        for one in told:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = [signal.signal(one, interrupt) for one in told]
    try:
        yield
    finally:
        for one, handler in zip(told, before, strict=True):
            signal.signal(one, handler)


def main() -> None:
    """Be the house: started by the demo, stopped by it or by its end."""
    die_with_parent(signal.SIGTERM, always=True)
    folder, port, today, pipe = sys.argv[1:]
    report = launch.Report(int(pipe))
    start = launch.Start(Installation(Path(folder)), int(port), business_date.parse(today), empty=True)
    try:
        launch.run(start, report)
    except Mistake as mistake:
        report.failed(str(mistake))
        raise SystemExit(str(mistake)) from None
    finally:
        report.close()


if __name__ == "__main__":
    main()
