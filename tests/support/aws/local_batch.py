"""A local Batch for tests: `World` submits jobs to it, waits for them and reads their logs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from localcloud.batch.api import LocalBatch
from localcloud.batch.attempts import ComputeEnvironment
from localcloud.http_server import HttpServer
from tests.conftest import client
from tests.support.waiting import until


class World:
    """A local Batch with a queue, for jobs that are Python programs."""

    def __init__(self, batch: LocalBatch, events: list[dict[str, Any]], folder: Path) -> None:
        self.batch = batch
        self.events = events
        self.folder = folder
        self.client = client("batch", batch.endpoint)
        self.client.create_job_queue(jobQueueName="images", priority=1, computeEnvironmentOrder=[])

    def define(self, program: str, *, vcpus: int = 1, image: str = "picture-perfect", **more: Any) -> None:
        self.client.register_job_definition(
            jobDefinitionName="job",
            type="container",
            containerProperties={
                "image": image,
                "command": ["-c", program, "Ref::what"],
                "environment": [{"name": "COLOR", "value": "red"}, {"name": "SIZE", "value": "1"}],
                "resourceRequirements": [
                    {"type": "VCPU", "value": str(vcpus)},
                    {"type": "MEMORY", "value": "2048"},
                ],
            },
            platformCapabilities=["FARGATE"],
            **more,
        )

    def submit(self, **more: Any) -> str:
        return str(self.client.submit_job(jobName="a-job", jobQueue="images", jobDefinition="job", **more)["jobId"])

    def job(self, job_id: str) -> dict[str, Any]:
        (job,) = self.client.describe_jobs(jobs=[job_id])["jobs"]
        return dict(job)

    def ended(self, job_id: str) -> dict[str, Any]:
        return self.reached(job_id, "SUCCEEDED", "FAILED")

    def reached(self, job_id: str, *statuses: str) -> dict[str, Any]:
        until(lambda: self.job(job_id)["status"] in statuses)
        return self.job(job_id)

    def at_work(self, job_id: str) -> dict[str, Any]:
        """Wait until the job's program has printed `here`."""
        job = self.reached(job_id, "RUNNING")
        until(lambda: "here" in self.log(job))
        return job

    def log(self, job: dict[str, Any]) -> str:
        path = self.folder / "logs" / f"{job['container']['logStreamName']}.log"
        return path.read_text() if path.exists() else ""

    def states(self, job_id: str) -> list[str]:
        return [event["detail"]["status"] for event in list(self.events) if event["detail"]["jobId"] == job_id]


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)  # an orphan may stay a zombie
    except psutil.NoSuchProcess:
        return False


@contextmanager
def running_batch(
    folder: Path, variables: dict[str, str], min_timeout_seconds: int = 1, **more: Any
) -> Iterator[World]:
    """Batch with two vCPUs and a queue; `more` are further fields of its compute environment."""
    events: list[dict[str, Any]] = []
    environment = ComputeEnvironment(
        **{"folder": folder, "variables": variables, "on_event": events.append, "max_vcpus": 2, **more}
    )
    with HttpServer() as http, LocalBatch(http, environment, min_timeout_seconds) as batch:
        yield World(batch, events, folder)


@contextmanager
def running(folder: Path, min_timeout_seconds: int = 1, **more: Any) -> Iterator[World]:
    """Batch whose jobs are Python programs instead of the image's commands."""
    variables = {"BASE": "base", "SIZE": "0"}
    more = {"grace": 1.0, "entry_command": lambda command: [sys.executable, *command], **more}
    with running_batch(folder, variables, min_timeout_seconds, **more) as world:
        yield world
