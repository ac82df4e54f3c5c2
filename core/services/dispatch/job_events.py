"""Failures that AWS reports, as values. `handler.failure_documents` reads them from AWS's documents."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.domain.model import Value

_JOB_NAME = re.compile(r"picture-perfect-([0-9a-f-]{36})")


class FailureCause(StrEnum):
    """The causes of a failed Batch job that lead to different decisions about its images."""

    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    NOT_STARTED = "not_started"
    INTERRUPTED = "interrupted"  # by AWS, or by a service that did not answer: no image is to blame
    CRASHED = "crashed"
    MISCONFIGURED = "misconfigured"


class JobFailed(Value, frozen=True, kw_only=True):
    """A Batch job of this program that failed after its last retry. `index` is the share; None: all shares.

    `at` is the time at which the job stopped; `reason` is a sentence that quotes Batch.
    """

    work_id: str
    index: int | None
    cause: FailureCause
    reason: str
    at: datetime


class InvocationFailed(Value, frozen=True, kw_only=True):
    """An event that Lambda no longer retries. `is_deployment`: the function cannot be loaded, whatever the event."""

    payload: Any
    reason: str
    is_deployment: bool
    at: datetime


def job_name(work_id: str) -> str:
    """The name of the Batch job that works on `work_id`."""
    return f"picture-perfect-{work_id}"


def work_id_of(name: str) -> str | None:
    """The work id in the name of a Batch job; None for a job of another program."""
    match = _JOB_NAME.fullmatch(name)
    return match[1] if match else None
