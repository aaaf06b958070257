"""PostgreSQL as a child of ours: made with initdb, tuned by arguments, stopped with its parent.

The Python layer of the wheels is not used: it makes system users, opens every parent folder to everyone and leaves
the server running when its parent is killed.
"""

# The programs started here are our own or the system's; no argument comes from outside.
# ruff: noqa: S603, S607

from __future__ import annotations

import locale
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from stadsbeurs import ports, processes
from stadsbeurs.accounts import Account, account_for, give, private_folder, secret_in, write_private
from stadsbeurs.binaries import PostgresPrograms, find_postgres
from stadsbeurs.mistakes import Mistake
from stadsbeurs.probes import postgres_probe
from stadsbeurs.processes import Process

SUPERUSER = "postgres"
# A socket's path may be about 107 bytes on Linux and 103 on a mac; the name PostgreSQL adds takes up to 21.
SOCKET_FOLDER_LIMIT = 80
# Not the folder of TMPDIR: that may be as private or as long as the one we came from.
SHORT = "/tmp"  # noqa: S108 - only folders made by mkdtemp
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL that can be started: where it listens and the process to run."""

    port: int
    password: str
    socket_folder: Path
    process: Process

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """The address of one database over TCP."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"


@dataclass(frozen=True)
class RunningPostgres:
    """A PostgreSQL started by this process, for tests and scripts; `stop()` ends it."""

    cluster: Cluster
    child: subprocess.Popen[bytes]

    def url(self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None) -> str:
        """The address of one database over TCP."""
        return self.cluster.url(database, user, password)

    @property
    def socket_folder(self) -> Path:
        """The `host` to give libpq in order to come in through the unix socket."""
        return self.cluster.socket_folder

    def stop(self) -> None:
        """Fast shutdown; returns when the server is gone. The data stay."""
        processes.stop(self.child, self.cluster.process)


def start(folder: Path, port: int | None = None, *, durable: bool = True, within_s: float = 30.0) -> RunningPostgres:
    """Start a PostgreSQL whose data live in `folder` (made when empty) and return once it accepts connections.

    `durable=False` turns fsync off: for tests only. Call it from the main thread.
    """
    cluster = prepare(folder, port if port is not None else ports.pick(), durable=durable)
    log = folder / "postgres.log"
    child = processes.spawn(cluster.process, log)
    processes.wait_until_ready(child, cluster.process, log, within_s)
    return RunningPostgres(cluster, child)


def prepare(folder: Path, port: int, *, durable: bool = True) -> Cluster:
    """Make the cluster in `folder` when it is not there, stop an orphan that still runs on it, and say how to start it.

    `folder` keeps the data (`data`, owned by the account of the server) and the superuser's password. It may lie
    below a folder that this account cannot enter.
    """
    private_folder(folder)
    data = folder / "data"
    account = account_for(data)
    password = secret_in(folder / "superuser-password")
    stop_orphan(data)
    sockets, temporary = _socket_folder(folder, account)
    if (data / "PG_VERSION").exists():
        programs = find_postgres(account, int((data / "PG_VERSION").read_text().strip()))
    else:
        programs = find_postgres(account)
        _make_cluster(folder, programs, account, password, sockets, durable)
    settings = {
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        **tuned(_memory_bytes(), durable),
    }
    return Cluster(
        port=port,
        password=password,
        socket_folder=sockets,
        process=Process(
            name="postgres",
            argv=(
                str(programs.folder / "postgres"),
                *("-D", _name_of(data, account)),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ),
            environment=_environment(),
            probe=postgres_probe(port),
            folder=data,
            account=account,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            stops_within_s=60.0,
            temporary=temporary,
        ),
    )


def tuned(memory_bytes: int, durable: bool = True) -> dict[str, str]:
    """Settings for one machine that also does other work: about a sixteenth of its memory, 128-512 MB."""
    buffers = min(max(memory_bytes // 16 // MEBIBYTE, 128), 512)
    settings = {
        "shared_buffers": f"{buffers}MB",
        "effective_cache_size": f"{max(memory_bytes // 4 // MEBIBYTE, 256)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        "max_connections": "100",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "synchronous_commit": "on",
        "fsync": "on",
        "jit": "off",
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_lock_waits": "on",
        "log_checkpoints": "off",
    }
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return settings


def stop_orphan(data: Path) -> None:
    """Stop the server that a killed supervisor left running on `data`, or remove what a dead one left behind.

    PostgreSQL itself takes any live process of the same user with the old number for the old server; after a restart
    of a container that number may be anyone's.
    """
    record = data / "postmaster.pid"
    try:
        pid = int(record.read_text(errors="replace").split("\n", 1)[0])
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return
    except PermissionError:
        raise Mistake(
            f"Cannot read {record}: the data belong to another user; start as that user or as root."
        ) from None
    if processes.start_mark(pid) is None:
        return  # PostgreSQL recognises this case
    if not _works_in(pid, data):
        record.unlink(missing_ok=True)
        return
    for request, within_s in ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.kill(pid, request)
        if processes.wait_until(lambda: processes.start_mark(pid) is None, within_s):
            return
    raise Mistake(f"An earlier PostgreSQL (process {pid}) still runs on {data} and does not stop.")


def _works_in(pid: int, data: Path) -> bool:
    """Whether process `pid` is a PostgreSQL whose working folder is `data`."""
    if not sys.platform.startswith("linux"):
        shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return str(data) in shown.stdout
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return False


def _name_of(data: Path, account: Account | None) -> str:
    """How the server names its own data folder.

    Started in that folder and then stripped of root's rights, it may not be able to walk there from `/`; its own
    working folder it can always enter, and on Linux that has a name of its own.
    """
    return "/proc/self/cwd" if account is not None and sys.platform.startswith("linux") else str(data)


def _make_cluster(
    folder: Path,
    programs: PostgresPrograms,
    account: Account | None,
    password: str,
    scratch: Path,
    durable: bool,
) -> None:
    """Run initdb beside `data` and put the result in place when it is whole: a killed start is no obstacle later."""
    draft = folder / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    private_folder(draft)
    give(draft, account, 0o700)
    password_file = scratch / "superuser-password"
    write_private(password_file, password + "\n")
    give(password_file, account, 0o600)
    argv = [
        str(programs.folder / "initdb"),
        *(
            "-D",
            _name_of(draft, account),
            "--encoding=UTF8",
            "--locale=C",
            f"--lc-ctype={_character_types()}",
        ),
        *(
            "--auth=scram-sha-256",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--no-instructions",
        ),
    ]
    try:
        made = subprocess.run(
            [*argv, "--no-sync"],
            cwd=draft,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            check=False,
        )
    except OSError as error:
        raise Mistake(f"Cannot run {argv[0]}: {error.strerror}.") from error
    finally:
        password_file.unlink(missing_ok=True)
    if made.returncode != 0:
        errors = [line for line in made.stderr.splitlines() if re.search(r"error|FATAL|could not", line)]
        raise Mistake(f"initdb could not make a PostgreSQL in {folder}: {(errors or [made.stderr.strip()])[0]}")
    if durable:
        os.sync()  # once, instead of one fsync for each of a thousand files
    try:
        draft.rename(folder / "data")
    except OSError as error:
        raise Mistake(
            f"{folder / 'data'} is there but holds no PostgreSQL; remove it or choose another folder."
        ) from error


def _socket_folder(folder: Path, account: Account | None) -> tuple[Path, tuple[Path, ...]]:
    """A folder for the unix socket that is short and that the server can enter; the second part is to be removed later.

    One in /tmp is noted in `folder`, so that a killed start leaves at most one behind.
    """
    inside = folder / "socket"
    if account is None and len(os.fsencode(inside)) <= SOCKET_FOLDER_LIMIT:
        private_folder(inside)
        return inside, ()
    note = folder / "socket-folder"
    with suppress(FileNotFoundError):
        _remove_own(Path(note.read_text().strip()), account)
    outside = Path(tempfile.mkdtemp(prefix="stadsbeurs-", dir=SHORT))
    give(outside, account, 0o700)
    write_private(note, f"{outside}\n")
    return outside, (outside,)


def _remove_own(folder: Path, account: Account | None) -> None:
    """Remove a socket folder of an earlier start, only if it is still the one we made."""
    owner = account.uid if account else os.geteuid()
    with suppress(OSError):
        if folder.parent == Path(SHORT) and not folder.is_symlink() and folder.stat().st_uid == owner:
            shutil.rmtree(folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    """Only what the server needs: PGDATA, PGPORT and the like of the caller would change it.

    Where the system leaves huge pages to the program (`madvise`), hash tables and sorts lie on them. A C library that does not
    know the variable leaves it aside.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "TZ": "UTC",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }


def _character_types() -> str:
    """A locale that knows letters beyond ASCII; sorting stays by code point, which is the same everywhere."""
    before = locale.setlocale(locale.LC_CTYPE)
    for name in ("C.UTF-8", "en_US.UTF-8"):
        with suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, name)
            locale.setlocale(locale.LC_CTYPE, before)
            return name
    return "C"


def _memory_bytes() -> int:
    """The memory of this machine, or of the container we are in."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return memory
