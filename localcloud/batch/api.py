"""AWS Batch's API: any SDK reaches it by AWS_ENDPOINT_URL_BATCH, and jobs run as processes of this machine.

Array jobs, retries by exit code, time-outs, `Ref::` parameters, overrides and state changes are implemented.
Dependencies, multi-node jobs, scheduling policies, tags, secrets and a second compute environment are not. A job's
memory limit is not enforced here: the worker enforces its own, MEMORY_MB of the job definition.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Self

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.batch import models
from localcloud.batch.attempts import ComputeEnvironment
from localcloud.batch.iam import Authorize, allow_all, required_resources
from localcloud.batch.models import ClientException
from localcloud.batch.scheduler import Scheduler
from localcloud.batch.store import Store
from localcloud.http_server import HttpServer, aws_error, aws_response, post_route
from localcloud.iam import DeniedError

#: The shortest attemptDurationSeconds that AWS Batch accepts.
MIN_TIMEOUT_SECONDS = 60

Action = Callable[[bytes], dict[str, Any]]


class LocalBatch:
    """Batch on an HTTP server. Also a context manager that kills every job on exit."""

    def __init__(
        self,
        http: HttpServer,
        environment: ComputeEnvironment,
        min_timeout_seconds: int = MIN_TIMEOUT_SECONDS,
        authorize: Authorize = allow_all,
    ) -> None:
        """Serve the API on `http`. `authorize` raises DeniedError if IAM does not allow a request."""
        self.endpoint = http.url
        self._scheduler = Scheduler(environment)
        http.add(_routes(Store(self._scheduler, min_timeout_seconds), authorize))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._scheduler.close()


def _actions(store: Store) -> dict[str, Action]:
    def action(shape: type[models.RequestT], act: Callable[[models.RequestT], dict[str, Any]]) -> Action:
        return lambda body: act(models.decode(body, shape))

    return {
        "RegisterJobDefinition": action(models.RegisterJobDefinition, store.register_definition),
        "DescribeJobDefinitions": action(models.DescribeByName, store.describe_definitions),
        "CreateJobQueue": action(models.CreateJobQueue, store.create_queue),
        "DescribeJobQueues": action(models.DescribeByName, store.describe_queues),
        "SubmitJob": lambda body: store.submit(models.decode(body, models.SubmitJob), len(body)),
        "DescribeJobs": action(models.DescribeJobs, store.describe_jobs),
        "ListJobs": action(models.ListJobs, store.list_jobs),
        "CancelJob": action(models.EndJob, store.cancel),
        "TerminateJob": action(models.EndJob, store.terminate),
    }


def _routes(store: Store, authorize: Authorize) -> list[Route]:
    """The paths are the actions' names in lower case."""
    actions = {name.lower(): (name, action) for name, action in _actions(store).items()}

    def answer(request: Request, body: bytes) -> Response:
        path = request.url.path
        if request.path_params["action"] not in actions:
            return _client_error(f"The local Batch has no {path}.")
        name, action = actions[request.path_params["action"]]
        try:
            authorize(request.method, path, request.headers, body, name, *required_resources(name, body))
            return aws_response(HTTPStatus.OK, msgspec.json.encode(action(body)))
        except DeniedError as error:
            return aws_error(HTTPStatus.FORBIDDEN, "AccessDeniedException", {"message": str(error)})
        except ClientException as error:
            return _client_error(str(error))

    return [post_route("/v1/{action}", answer)]


def _client_error(message: str) -> Response:
    return aws_error(HTTPStatus.BAD_REQUEST, "ClientException", {"message": message})
