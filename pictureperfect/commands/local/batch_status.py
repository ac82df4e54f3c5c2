"""Batch's queues and last jobs, as plain values and as tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from localcloud.batch.job import Status
from pictureperfect import tables
from pictureperfect.console import literal

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

#: An array job is PENDING until its last child has ended.
_COLUMNS = {
    "runnable": (Status.SUBMITTED, Status.RUNNABLE),
    "running": (Status.PENDING, Status.STARTING, Status.RUNNING),
    "succeeded": (Status.SUCCEEDED,),
    "failed": (Status.FAILED,),
}


def gather(client: "BatchClient", last: int) -> dict[str, Any]:
    """Each queue's jobs by state, with an array job counted once; and the `last` jobs, the newest first."""
    names = [queue["jobQueueName"] for queue in client.describe_job_queues()["jobQueues"]]
    listed = {name: _list_jobs(client, name) for name in names}
    jobs = [job for found in listed.values() for job in found]
    return {
        "queues": {
            name: {column: sum(job["status"] in states for job in found) for column, states in _COLUMNS.items()}
            for name, found in listed.items()
        },
        "jobs": sorted(map(_job, jobs), key=lambda job: -job["created_at"])[:last],
    }


def queues_table(state: Mapping[str, Any]) -> Table:
    """A row for each queue."""
    table = tables.plain("queue", *_COLUMNS)
    for name, counts in state["queues"].items():
        table.add_row(name, *map(str, counts.values()))
    return table


def jobs_table(state: Mapping[str, Any]) -> Table:
    """A row for each job."""
    table = tables.plain("job", "definition", "children", "status", "reason")
    for job in state["jobs"]:
        children = job["children"]
        ended = sum(children.get(status, 0) for status in ("SUCCEEDED", "FAILED"))
        table.add_row(
            job["id"][:8],
            job["definition"],
            f"{ended}/{sum(children.values())}" if children else "-",
            literal(job["status"].lower(), style="yellow" if job["status"] == Status.FAILED else ""),
            job["reason"],
        )
    return table


def _list_jobs(client: "BatchClient", queue: str) -> list[Any]:
    pages = client.get_paginator("list_jobs").paginate(
        jobQueue=queue, filters=[{"name": "AFTER_CREATED_AT", "values": ["0"]}]
    )
    return [job for page in pages for job in page["jobSummaryList"]]


def _job(job: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": job["jobId"],
        "name": job["jobName"],
        "definition": job["jobDefinition"].rpartition("/")[2],
        "status": job["status"],
        "reason": job.get("statusReason", ""),
        "created_at": job["createdAt"],
        "children": job.get("arrayProperties", {}).get("statusSummary", {}),
    }
