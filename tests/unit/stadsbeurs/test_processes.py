from __future__ import annotations

import os
import subprocess
from pathlib import Path

from stadsbeurs.processes import LOG_LIMIT_BYTES, last_line, rotate, start_mark


def test_what_a_log_says_last_is_its_last_line_that_says_something(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text("starting\nSetting STADSBEURS_REDIS_URL is not set.\n\n")
    assert last_line(log) == f"Setting STADSBEURS_REDIS_URL is not set. (see {log})"


def test_of_a_traceback_it_is_the_error_and_not_the_lines_that_come_with_it(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_text(
        "OldError: of an earlier start\n"
        "Traceback (most recent call last):\n"
        '  File "a.py", line 1, in <module>\n'
        "sqlalchemy.exc.ProgrammingError: (psycopg.ProgrammingError) incomplete placeholder\n"
        "[SQL: SELECT 1\nFROM x]\n"
        "(Background on this error at: elsewhere)\n"
    )
    assert last_line(log).startswith(
        "sqlalchemy.exc.ProgrammingError: (psycopg.ProgrammingError) incomplete placeholder ("
    )


def test_an_empty_log_and_one_that_is_not_there_are_pointed_at(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    assert last_line(log) == f"see {log}."
    log.touch()
    assert last_line(log) == f"see {log}."


def test_a_log_over_ten_mebibytes_is_put_aside_at_the_next_start(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    log.write_bytes(b"x" * LOG_LIMIT_BYTES)
    rotate(log)
    assert log.exists()
    log.write_bytes(b"x" * (LOG_LIMIT_BYTES + 1))
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "api.log.1").exists()


def test_a_process_that_ended_has_no_mark_even_before_its_parent_noticed() -> None:
    assert start_mark(os.getpid()) == start_mark(os.getpid()) is not None
    child = subprocess.Popen(["true"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    child.stdout.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert start_mark(child.pid) is None
    child.wait()
