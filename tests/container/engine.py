"""Builds images and runs containers with Docker, or with buildah if no Docker engine answers.

Containers use the host's network, to reach the embedded cloud, and can write to /tmp only. buildah's chroot has no
read-only root: there only file permissions prevent writing.
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


#: Lines that buildah adds to the standard error of a failed command.
_BUILDAH_LINES = re.compile(r"^subprocess exited (?:with|on) .*\n|^Error: .*\n?\Z", re.MULTILINE)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of `docker run`. `entrypoint` replaces the image's; `volumes` maps host paths to container paths."""

    command: Sequence[str] = ()
    environment: Mapping[str, str] = {}
    volumes: Mapping[str, str] = {}
    entrypoint: Sequence[str] = ()
    user: str = ""


class Image(Protocol):
    """A built image."""

    def run(self, run: Run, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a container to its end, at most `seconds`, and remove it in any case."""
        ...

    def started(self, run: Run, log: Path) -> AbstractContextManager["subprocess.Popen[bytes]"]:
        """A container that runs during the `with` block; its output goes into the file `log`."""
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
    """An image in buildah. All runs share one working container, since copying the image for each takes long."""

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
        return subprocess.CompletedProcess(process.args, process.returncode, output, _BUILDAH_LINES.sub("", errors))

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
        # Like Docker: a new entry point also replaces the image's command.
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
    """`docker` or `buildah`. Raises RuntimeError if there is neither."""
    done = subprocess.run([ROOT / "container/engine"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.strip()


def build_target(target: str) -> Image:
    """Build a target of the Dockerfile. Raises RuntimeError with the end of the build's log."""
    tag = f"picture-perfect:{target}"
    return _build(tag, [str(ROOT / "container/build"), target, tag])


def build_company_image(target: str, folder: Path, tag: str) -> Image:
    """Build the Dockerfile in `folder` with the image of `target` as BASE_IMAGE. Raises as `build_target` does."""
    options = ["--tag", tag, "--build-arg", f"BASE_IMAGE={_local(f'picture-perfect:{target}')}"]
    if Path(pip := os.environ.get("PIP_CONFIG_FILE", "")).is_file():
        options += ["--secret", f"id=pip,src={pip}"]
    if engine() == "docker":
        return _build(tag, ["docker", "build", *options, str(folder)])
    options += ["--pull-never", "--layers", "--force-rm", "--network", "host"]
    return _build(tag, ["buildah", "bud", *options, str(folder)])


def _local(tag: str) -> str:
    return tag if engine() == "docker" else f"localhost/{tag}"


def _build(tag: str, command: list[str]) -> Image:
    environment = _buildah_environment() if command[0] == "buildah" else None
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"The image could not be built:\n{done.stdout[-4000:]}")
    return DockerImage(tag) if engine() == "docker" else BuildahImage(tag)


def _buildah_environment() -> dict[str, str]:
    environment = dict(os.environ)
    if os.geteuid() == 0:  # as in container/build
        environment.setdefault("STORAGE_DRIVER", "vfs")
        environment.setdefault("BUILDAH_ISOLATION", "chroot")
    return environment


def _remove(container: str) -> None:
    subprocess.run(["docker", "rm", "--force", container], capture_output=True, timeout=600, check=False)


def _end(process: "subprocess.Popen[bytes] | subprocess.Popen[str]") -> None:
    """End the processes in the container, then buildah, which does not pass signals on to its children."""
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
    """The process ids of all descendants of `pid`, parents first."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:  # the process has ended meanwhile
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    descendants, pending = [], [pid]
    while pending:
        children = parents.get(pending.pop(0), [])
        descendants += children
        pending += children
    return descendants
