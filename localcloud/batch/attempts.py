"""One attempt of a job: its container, the environment it gets, its time-out, and why it ended."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from localcloud.batch import job as jobs
from localcloud.batch.container import Container
from localcloud.batch.job import Attempt, Job

#: Prefix of image names that cannot be pulled, as if no registry had the image.
MISSING_IMAGE = "missing/"
_SIGKILLED = 137


def entry_command(command: Sequence[str]) -> list[str]:
    """The process that stands for the image's entry point with a job's command."""
    return [sys.executable, "-m", "localcloud.batch.entry", *command]


@dataclass(frozen=True, kw_only=True)
class ComputeEnvironment:
    """The compute environment, whose jobs are processes of this machine, and the callbacks for events and logs."""

    #: Folder of logs and scratch space.
    folder: Path
    #: vCPUs of all running jobs together. A job that requires more stays RUNNABLE.
    max_vcpus: float
    #: Called with each state change, as EventBridge sends it, in order and from one thread.
    on_event: Callable[[dict[str, Any]], object]
    #: Called with each line of a job's log.
    on_log: Callable[[str], object] = lambda _line: None
    #: Variables of every job, below those of its definition; `{tmp}` in a value is the job's scratch folder.
    variables: Mapping[str, str] = field(default_factory=dict)
    #: Seconds between SIGTERM and SIGKILL.
    grace: float = 30.0
    entry_command: Callable[[Sequence[str]], list[str]] = entry_command


def run_attempt(
    job: Job, environment: ComputeEnvironment, on_start: Callable[[Job, Attempt, Container], bool]
) -> tuple[Attempt, bool]:
    """Run the job's container to its end. Returns the attempt, and whether it timed out.

    `on_start` is called once the container runs; if it returns False, the container is removed.
    """
    task = uuid4().hex
    name = job.definition.request.job_definition_name
    job.current = attempt = Attempt(log_stream=f"{name}/default/{task}", task=task)
    timed_out = False
    image = job.properties.image
    if image.startswith(MISSING_IMAGE):
        attempt.status_reason = jobs.NOT_STARTED
        attempt.reason = f"CannotPullContainerError: pull image manifest has been retried 1 time(s): {image}: not found"
    else:
        try:
            timed_out = _run_container(job, attempt, environment, on_start)
        except OSError as error:
            attempt.status_reason, attempt.reason = jobs.NOT_STARTED, f"CannotStartContainerError: {error}"
    attempt.stopped = jobs.now()
    return attempt, timed_out


def _run_container(
    job: Job, attempt: Attempt, environment: ComputeEnvironment, on_start: Callable[[Job, Attempt, Container], bool]
) -> bool:
    """Whether the container reached its time-out."""
    container = _start_container(job, attempt, environment)
    try:
        if not on_start(job, attempt, container):
            return False
        timed_out = container.wait(job.timeout.attempt_duration_seconds if job.timeout else None) is None
        if timed_out:
            container.stop(environment.grace)
        attempt.exit_code = container.wait(None)
    finally:
        container.remove()
    attempt.status_reason = jobs.TIMED_OUT if timed_out else jobs.EXITED
    if attempt.exit_code == _SIGKILLED and not (timed_out or job.terminated):
        attempt.reason = jobs.OUT_OF_MEMORY  # Fargate sends SIGKILL for nothing else
    return timed_out


def _start_container(job: Job, attempt: Attempt, environment: ComputeEnvironment) -> Container:
    log = environment.folder / "logs" / f"{attempt.log_stream}.log"
    log.parent.mkdir(parents=True, exist_ok=True)

    def append_to_log(line: str) -> None:
        with suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        environment.on_log(line)

    scratch = environment.folder / "tasks" / attempt.task
    return Container(environment.entry_command(job.command), _variables(job, environment), scratch, append_to_log)


def _variables(job: Job, environment: ComputeEnvironment) -> dict[str, str]:
    """The job's environment variables, as in Batch; nothing of this machine's own environment."""
    array = {}
    if job.parent:
        array = {
            "AWS_BATCH_JOB_ARRAY_INDEX": str(job.index),
            "AWS_BATCH_JOB_ARRAY_SIZE": str(len(job.parent.children)),
        }
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "HOME": "{tmp}",
        "TMPDIR": "{tmp}",
        "WORK_DIR": "{tmp}",
        "PYTHONUNBUFFERED": "1",
        **environment.variables,
        **{pair.name: pair.value for pair in job.properties.environment},
        "AWS_BATCH_CE_NAME": "local",
        "AWS_BATCH_JQ_NAME": job.queue,
        "AWS_BATCH_JOB_ID": job.job_id,
        "AWS_BATCH_JOB_ATTEMPT": str(len(job.attempts) + 1),
        **array,
    }
