"""Containers the way `docker run` has them, with Docker or, where no engine answers, with buildah.

On the host's network, so that the embedded cloud can be reached; with nothing but /tmp to write to. buildah's
chroot has no read-only root: there only the user's rights are in the way.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import msgspec

ROOT = Path(__file__).resolve().parents[2]


#: What buildah adds to the standard error of a command that failed.
_OWN_WORDS = re.compile(r"^subprocess exited (?:with|on) .*\n|^Error: .*\n?\Z", re.MULTILINE)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What is said to `docker run`. `entrypoint` replaces the image's own; `volumes` are host to container."""

    command: Sequence[str] = ()
    environment: Mapping[str, str] = {}
    volumes: Mapping[str, str] = {}
    entrypoint: Sequence[str] = ()
    user: str = ""


class Image(Protocol):
    """A built image."""

    def run(self, run: Run, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run to its end; whatever happens, the container is gone afterwards."""
        ...

    def started(self, run: Run, log: Path) -> AbstractContextManager["subprocess.Popen[bytes]"]:
        """A container for as long as a `with` block lasts."""
        ...

    def close(self) -> None: ...


class DockerImage:
    def __init__(self, tag: str) -> None:
        self._tag = tag

    def run(self, run: Run, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        name, command = self._command(run)
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        finally:
            _remove(name)

    @contextmanager
    def started(self, run: Run, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        name, command = self._command(run)
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream)
            try:
                yield process
            finally:
                _remove(name)
                process.wait(240)

    def close(self) -> None:
        pass

    def _command(self, run: Run) -> tuple[str, list[str]]:
        name = f"picture-perfect-{uuid4().hex[:12]}"
        options = ["--rm", "--name", name, "--network", "host", "--read-only", "--tmpfs", "/tmp:mode=1777"]  # noqa: S108
        options += [f"--env={key}={value}" for key, value in run.environment.items()]
        options += [f"--volume={host}:{inside}" for host, inside in run.volumes.items()]
        options += ["--user", run.user] if run.user else []
        options += ["--entrypoint", run.entrypoint[0]] if run.entrypoint else []
        return name, ["docker", "run", *options, self._tag, *run.entrypoint[1:], *run.command]


class BuildahImage:
    """One working container serves all runs: a copy of the image for each would take its time."""

    def __init__(self, tag: str) -> None:
        self._environment = _buildah_environment()
        self._container = self._buildah("from", "--pull-never", f"localhost/{tag}")
        try:
            config = msgspec.json.decode(self._buildah("inspect", self._container))["OCIv1"]["config"]
        except BaseException:
            self.close()
            raise
        self._entrypoint: list[str] = config.get("Entrypoint") or []
        self._cmd: list[str] = config.get("Cmd") or []

    def run(self, run: Run, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        process = subprocess.Popen(
            self._command(run),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(timeout=seconds)
        finally:
            _end(process)
        return subprocess.CompletedProcess(process.args, process.returncode, output, _OWN_WORDS.sub("", errors))

    @contextmanager
    def started(self, run: Run, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        with log.open("wb") as stream:
            process = subprocess.Popen(
                self._command(run),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=self._environment,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                _end(process)

    def close(self) -> None:
        self._buildah("rm", self._container)

    def _command(self, run: Run) -> list[str]:
        options = ["--network", "host"]
        options += [f"--env={key}={value}" for key, value in run.environment.items()]
        options += [f"--volume={host}:{inside}" for host, inside in run.volumes.items()]
        options += ["--user", run.user] if run.user else []
        # As Docker does: a new entry point leaves nothing of the image's own command.
        inside = (
            [*run.entrypoint, *run.command] if run.entrypoint else self._entrypoint + list(run.command or self._cmd)
        )
        return ["buildah", "run", *options, self._container, "--", *inside]

    def _buildah(self, *arguments: str) -> str:
        done = subprocess.run(
            ["buildah", *arguments], env=self._environment, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise RuntimeError(f"buildah {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.strip()


def engine() -> str:
    """`docker` or `buildah`. Raises RuntimeError with a sentence where there is neither."""
    found = subprocess.run([ROOT / "container/engine"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(found.stderr.strip())
    return found.stdout.strip()


def built(target: str) -> Image:
    """Build one target of the Dockerfile. Raises RuntimeError with the end of the build's log."""
    tag = f"picture-perfect:{target}"
    return _built(tag, [str(ROOT / "container/build"), target, tag])


def built_upon(target: str, folder: Path, tag: str) -> Image:
    """Build a company's own image upon one of ours, as its Dockerfile in `folder` says. Raises as `built` does."""
    options = ["--tag", tag, "--build-arg", f"BASE_IMAGE={_local(f'picture-perfect:{target}')}"]
    if Path(pip := os.environ.get("PIP_CONFIG_FILE", "")).is_file():
        options += ["--secret", f"id=pip,src={pip}"]
    if engine() == "docker":
        return _built(tag, ["docker", "build", *options, str(folder)])
    options += ["--pull-never", "--layers", "--force-rm", "--network", "host"]
    return _built(tag, ["buildah", "bud", *options, str(folder)])


def _local(tag: str) -> str:
    return tag if engine() == "docker" else f"localhost/{tag}"


def _built(tag: str, command: list[str]) -> Image:
    environment = _buildah_environment() if command[0] == "buildah" else None
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"The image could not be built:\n{done.stdout[-4000:]}")
    return DockerImage(tag) if engine() == "docker" else BuildahImage(tag)


def _buildah_environment() -> dict[str, str]:
    environment = dict(os.environ)
    if os.geteuid() == 0:  # as container/build has it
        environment.setdefault("STORAGE_DRIVER", "vfs")
        environment.setdefault("BUILDAH_ISOLATION", "chroot")
    return environment


def _remove(container: str) -> None:
    subprocess.run(["docker", "rm", "--force", container], capture_output=True, timeout=600, check=False)


def _end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """End what runs inside, then buildah: it does not pass a signal on, and would leave its children."""
    inside = _descendants(process.pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for child in inside:
            with suppress(ProcessLookupError):
                os.kill(child, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(240)
    process.kill()
    process.wait()


def _descendants(pid: int) -> list[int]:
    """All processes below one, parents first."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it has ended meanwhile
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, look = [], [pid]
    while look:
        children = parents.get(look.pop(0), [])
        found += children
        look += children
    return found
