"""`stadsbeurs demo`: the whole house, the whole story, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from foundation.money import euros
from stadsbeurs.demo import STEPS
from stadsbeurs.sample_data import Sample

pytestmark = pytest.mark.timeout(600)  # the other tests of the suite may want the same cores


@pytest.fixture
def folder() -> Iterator[Path]:
    """Below a private folder that is not pytest's own, as somebody's home is."""
    private = Path(tempfile.mkdtemp(prefix="demo-", dir="/var/tmp"))
    yield private / "data"
    shutil.rmtree(private, ignore_errors=True)


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "stadsbeurs", "demo", "--data", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(demo: subprocess.Popen[str], beginning: str) -> None:
    assert demo.stdout is not None
    told = []
    for line in demo.stdout:
        told.append(line)
        if line.startswith(beginning):
            return
    raise AssertionError(f"the demo never said {beginning!r} but:\n{''.join(told)}")


def processes_of(folder: Path) -> list[str]:
    """Every process that works in this folder, by its command line or by its settings."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(folder) in word for word in words):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def troubles_of(folder: Path) -> str:
    """What the processes of the house wrote down as going wrong, for whoever reads a failure of this test."""
    logs = sorted((folder / "demo" / "house" / "log").glob("*.log"))
    signs = ('"level": "error"', '"level": "warning"', "[ERROR", "[WARNING", "Traceback", "FATAL")
    lines = [f"{log.name}: {line}" for log in logs for line in log.read_text(errors="replace").splitlines()]
    return "\n".join(line[:2000] for line in lines if any(sign in line for sign in signs))


def wait_until(reached: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_the_demo_runs_from_hours_files_to_the_bank_and_back_with_every_expected_figure(folder: Path) -> None:
    demo = start(folder)
    told, _ = demo.communicate()
    assert demo.returncode == 0, told + troubles_of(folder)
    assert "FAILED" not in told

    expected = Sample().expected
    for quarter, figures in expected["quarters"].items():
        files = figures["files"].values()
        accepted, known = (sum(file[name] for file in files) for name in ("accepted", "known"))
        refused = sum(sum(file["refused"].values()) for file in files)
        assert f"24 hours files of {quarter}: {accepted} rows accepted, {known} known, {refused} refused" in told
        assert f"closing of {quarter}: {figures['closing']['sufficient']} sufficient" in told
        assert f"topped up € {euros(figures['closing']['toppedUp'])}" in told
    assert "ok     purses, status, hours, use and top-up of 400 participants" in told
    assert f"ok     paid by the fund to budgets: € {euros(expected['totals']['creditedToBudgets'])}" in told

    # 312,347.19 to everybody who has anything in `vrij`; the first of them gets the money back.
    payable = {number: one["vrij"] for number, one in expected["participants"].items() if one["vrij"]}
    assert f"ok     batch of {len(payable)} payments for 2026-10-01: € 312.347,19" in told
    assert "ok     the statement: 1 matched, 1 returned, 0 unknown, 0 repeated" in told
    assert "ok     the same statement once more: 0 matched, 0 returned, 0 unknown, 2 repeated" in told
    first = min(payable)
    assert f"ok     participant {first} can use € {euros(payable[first])} again" in told
    # 40 lessons are put in and given, 10 set apart, 6 of these spent: 34 are left.
    assert "ok     fund dordtpas-lessen: 40 lessons by two people, 40 lessons to one holder, 0 lessons left" in told
    assert "ok     fund dordtpas-stuks: 25 pieces by two people, 1 piece to one holder, 24 pieces left" in told
    assert "ok     fund dordtpas-punten: 5000 points by two people, 120 points to one holder, 4880 points left" in told
    assert (
        "ok     fund cash-pilots-bouwdepot: € 378.000,00 by two people, € 1.050,00 to one holder, € 376.950,00 left"
        in told
    )
    assert "ok     of 10 lessons set apart 6 lessons were spent with zwembad-1 and 4 lessons given back" in told
    assert f"ok     participant {max(expected['participants'])} has 34 lessons, 1 piece, 120 points, € 1.050,00" in told
    assert "ok     € 1.750,00 in 36 instalments: 35 × € 48,61 and € 48,65" in told
    assert "ok     € 500,00 paid early with iDEAL leaves 24 × € 48,61 and € 34,75" in told
    assert "ok     a second caseworker remits € 1.201,39" in told
    assert "ok     the portfolio ties to the ledger" in told
    assert "ok     stadsbeurs verify" in told
    assert "ok     trial balance: debit and credit differ by 0" in told

    assert (folder / "demo" / "pain.001.xml").read_text(encoding="utf-8").count("<EndToEndId>") == len(payable)
    assert (folder / "demo" / "camt.053.xml").is_file()
    assert processes_of(folder) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a house that its demo was killed")
def test_a_demo_that_is_killed_or_interrupted_leaves_nothing_running_and_can_be_run_again(folder: Path) -> None:
    killed = start(folder)
    read_until(killed, f"1/{STEPS}")
    assert wait_until(lambda: any("postgres" in command for command in processes_of(folder / "demo")), 60)
    killed.kill()
    killed.wait()
    assert wait_until(lambda: processes_of(folder) == [], 60), processes_of(folder)

    interrupted = start(folder)
    read_until(interrupted, f"2/{STEPS}")
    os.kill(interrupted.pid, signal.SIGTERM)
    told, _ = interrupted.communicate()
    assert interrupted.returncode == 130, told
    assert "Traceback" not in told
    assert processes_of(folder) == []
