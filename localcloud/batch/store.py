"""Batch's definitions, queues and jobs, and the actions of its API on them."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from localcloud.batch import models
from localcloud.batch.descriptions import describe_definition, describe_job, summarize_job
from localcloud.batch.job import Definition, Job, Status, arn
from localcloud.batch.models import ClientException
from localcloud.batch.scheduler import Scheduler

#: ListJobs: the most jobs of a page, without and with filters.
_PAGE_SIZE, _FILTERED_PAGE_SIZE = 1000, 100


class Store:
    """Each public method is an action of the API: request in, answer out. All raise ClientException."""

    def __init__(self, scheduler: Scheduler, min_timeout_seconds: int) -> None:
        self._scheduler = scheduler
        self._min_timeout_seconds = min_timeout_seconds
        self._definitions: dict[str, list[Definition]] = {}
        self._queues: dict[str, models.CreateJobQueue] = {}
        self._jobs: dict[str, Job] = {}

    def register_definition(self, request: models.RegisterJobDefinition) -> dict[str, Any]:
        models.check_definition(request, self._min_timeout_seconds)
        with self._scheduler.lock:
            revisions = self._definitions.setdefault(request.job_definition_name, [])
            definition = Definition(request, len(revisions) + 1)
            revisions.append(definition)
        return {
            "jobDefinitionName": request.job_definition_name,
            "jobDefinitionArn": definition.arn,
            "revision": definition.revision,
        }

    def describe_definitions(self, request: models.DescribeByName) -> dict[str, Any]:
        with self._scheduler.lock:
            definitions = [definition for revisions in self._definitions.values() for definition in revisions]
        if request.job_definition_name:
            definitions = [
                item for item in definitions if item.request.job_definition_name == request.job_definition_name
            ]
        if request.job_definitions:
            definitions = [
                item for item in definitions if {item.arn, _short_name(item.arn)} & set(request.job_definitions)
            ]
        if request.status not in (None, "ACTIVE"):
            definitions = []
        return {"jobDefinitions": [describe_definition(definition) for definition in definitions]}

    def create_queue(self, request: models.CreateJobQueue) -> dict[str, Any]:
        name = request.job_queue_name
        with self._scheduler.lock:
            if name in self._queues:
                raise ClientException("Object already exists")
            self._queues[name] = request
        return {"jobQueueName": name, "jobQueueArn": arn("job-queue", name)}

    def describe_queues(self, request: models.DescribeByName) -> dict[str, Any]:
        names = {_short_name(queue) for queue in request.job_queues}
        with self._scheduler.lock:
            queues = [queue for name, queue in self._queues.items() if name in names or not names]
        return {
            "jobQueues": [
                {
                    "computeEnvironmentOrder": [],
                    **msgspec.to_builtins(queue),
                    "jobQueueArn": arn("job-queue", queue.job_queue_name),
                    "priority": queue.priority,
                    "state": queue.state,
                    "status": "VALID",
                }
                for queue in queues
            ]
        }

    def submit(self, request: models.SubmitJob, size: int) -> dict[str, Any]:
        models.check_submission(request, size)
        models.check_retries_and_timeout(request.retry_strategy, request.timeout, self._min_timeout_seconds)
        with self._scheduler.lock:
            queue = self._queue_name(request.job_queue)
            job = Job(request, self._definition(request.job_definition), queue, self._scheduler.publish)
            self._jobs[job.job_id] = job
            if request.array_properties:
                job.children = [_child(job, index) for index in range(request.array_properties.size)]
                job.counts[Status.SUBMITTED] = len(job.children)
                self._jobs.update({child.job_id: child for child in job.children})
            self._scheduler.add(job)
        return {"jobArn": job.arn, "jobName": request.job_name, "jobId": job.job_id}

    def describe_jobs(self, request: models.DescribeJobs) -> dict[str, Any]:
        with self._scheduler.lock:
            jobs = [self._jobs[job_id] for job_id in map(_short_name, request.jobs) if job_id in self._jobs]
            return {"jobs": [describe_job(job) for job in jobs]}

    def list_jobs(self, request: models.ListJobs) -> dict[str, Any]:
        with self._scheduler.lock:
            jobs = self._select(request)
            page_size = min(request.max_results, _FILTERED_PAGE_SIZE if request.filters else _PAGE_SIZE)
            begin = int(request.next_token or 0)
            page = {"jobSummaryList": [summarize_job(job) for job in jobs[begin : begin + page_size]]}
        return page | ({"nextToken": str(begin + page_size)} if begin + page_size < len(jobs) else {})

    def cancel(self, request: models.EndJob) -> dict[str, Any]:
        self._scheduler.cancel(self._job(request.job_id), request.reason)
        return {}

    def terminate(self, request: models.EndJob) -> dict[str, Any]:
        self._scheduler.terminate(self._job(request.job_id), request.reason)
        return {}

    def _select(self, request: models.ListJobs) -> list[Job]:
        if (request.job_queue is None) == (request.array_job_id is None):
            raise ClientException("Exactly one of jobQueue and arrayJobId is needed.")
        if request.job_status is not None and request.job_status not in {status.value for status in Status}:
            raise ClientException(
                f"jobStatus: {request.job_status!r} is not a status; the statuses are {', '.join(Status)}."
            )
        if request.array_job_id is not None:
            jobs: Iterable[Job] = self._job(request.array_job_id).children
        else:
            queue = self._queue_name(request.job_queue or "", may_submit=False)
            jobs = [job for job in self._jobs.values() if job.queue == queue and job.parent is None]
            if request.filters:
                return sorted(filter(_filter(request.filters[0]), jobs), key=lambda job: -job.created)
        status = request.job_status or Status.RUNNING
        return [job for job in jobs if job.status == status]

    def _queue_name(self, name: str, *, may_submit: bool = True) -> str:
        queue = self._queues.get(_short_name(name))
        if queue is None:
            raise ClientException(f"Job Queue {name} not found.")
        if may_submit and queue.state != "ENABLED":
            raise ClientException(f"Job Queue {name} is not ENABLED.")
        return queue.job_queue_name

    def _definition(self, reference: str) -> Definition:
        """Find by name, name:revision or ARN; without a revision, the newest."""
        name, _, revision = _short_name(reference).partition(":")
        revisions = self._definitions.get(name, [])
        matching = revisions[-1:] if not revision else [item for item in revisions if str(item.revision) == revision]
        if not matching:
            raise ClientException(f"JobDefinition {reference} not found.")
        return matching[0]

    def _job(self, job_id: str) -> Job:
        with self._scheduler.lock:
            job = self._jobs.get(_short_name(job_id))
        if job is None:
            raise ClientException(f"Job {job_id} not found.")
        return job


def _child(parent: Job, index: int) -> Job:
    return Job(
        parent.request,
        parent.definition,
        parent.queue,
        parent.on_change,
        job_id=f"{parent.job_id}:{index}",
        parent=parent,
        index=index,
    )


def _short_name(name: str) -> str:
    """The part of an ARN after its slash; a name stays as it is."""
    return name.rsplit("/", 1)[-1]


def _filter(pair: models.KeyValuesPair) -> Callable[[Job], bool]:
    (value,) = pair.values
    match pair.name:
        case "JOB_NAME":
            return lambda job: _matches(value.lower(), job.request.job_name.lower())
        case "JOB_DEFINITION" if value.startswith("arn:"):
            return lambda job: job.definition.arn == value
        case "JOB_DEFINITION":
            return lambda job: _matches(value, job.definition.request.job_definition_name)
        case "BEFORE_CREATED_AT":
            return lambda job: job.created < int(value)
        case "AFTER_CREATED_AT":
            return lambda job: job.created > int(value)


def _matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
