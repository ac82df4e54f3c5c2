"""The fake of AWS Batch, which keeps submissions, and the EventBridge events of failed jobs."""

import itertools
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.domain.model import Value
from core.services.dispatch.job_events import FailureCause
from tests.support.fakes.ports import Around, undisturbed


class Submitted(Value, frozen=True, kw_only=True):
    """One submission."""

    job_id: str
    name: str
    tier: str
    arguments: tuple[str, ...]
    size: int
    timeout_seconds: int

    @property
    def key(self) -> str:
        """The key of the work's document."""
        return self.arguments[1]


class FakeJobs:
    """Each submission makes a job, also under a name that is taken: SubmitJob has no client token."""

    def __init__(self, around: Around = undisturbed) -> None:
        self.around = around
        self.submitted: list[Submitted] = []
        self._ids = itertools.count(1)

    def submit(self, name: str, tier: str, arguments: Sequence[str], size: int, timeout_seconds: int) -> str:
        job = Submitted(
            job_id=f"job-{next(self._ids)}",
            name=name,
            tier=tier,
            arguments=tuple(arguments),
            size=size,
            timeout_seconds=timeout_seconds,
        )
        self.around("jobs.submit", lambda: self.submitted.append(job))
        return job.job_id

    def find(self, name: str) -> str | None:
        return self.around("jobs.find", lambda: next((job.job_id for job in self.submitted if job.name == name), None))


_EXITED = "Essential container in task exited"
#: The details of a failed job, by cause. https://docs.aws.amazon.com/batch/latest/userguide/troubleshooting.html
DETAILS: dict[FailureCause, dict[str, Any]] = {
    FailureCause.OUT_OF_MEMORY: {
        "statusReason": _EXITED,
        "container": {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},
    },
    FailureCause.TIMED_OUT: {"statusReason": "Job attempt duration exceeded timeout", "container": {"exitCode": 137}},
    FailureCause.CANCELLED: {"statusReason": "Not wanted any more", "isCancelled": True, "container": {}},
    FailureCause.NOT_STARTED: {
        "statusReason": "Task failed to start",
        "container": {"reason": "CannotPullContainerError: pull image manifest has been retried 5 time(s)"},
    },
    FailureCause.INTERRUPTED: {"statusReason": "Host EC2 (instance i-0123456789abcdef0) terminated.", "container": {}},
    FailureCause.CRASHED: {"statusReason": _EXITED, "container": {"exitCode": 70}},
    FailureCause.MISCONFIGURED: {"statusReason": _EXITED, "container": {"exitCode": 78}},
}


def state_change(job: Submitted, cause: FailureCause, at: datetime, index: int | None = 0, **more: Any) -> str:
    """EventBridge's event of a child that failed, or of the whole array if `index` is None."""
    detail: dict[str, Any] = {
        "jobName": job.name,
        "jobId": job.job_id,
        "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/images",
        "status": "FAILED",
        "stoppedAt": int(at.timestamp() * 1000),
        "attempts": [],
        **DETAILS[cause],
    }
    if detail["container"]:
        detail["attempts"] = [{"container": detail["container"], "statusReason": detail["statusReason"]}]
    if index is None:
        detail["arrayProperties"] = {"size": job.size, "statusSummary": {"FAILED": job.size}}
    elif job.size > 1:
        detail["arrayProperties"] = {"index": index}
        detail["jobId"] = f"{job.job_id}:{index}"
    return json.dumps(
        {
            "version": "0",
            "detail-type": "Batch Job State Change",
            "source": "aws.batch",
            "time": at.isoformat(),
            "detail": {**detail, **more},
        }
    )
