"""AWS Batch's API on a port of its own: any SDK reaches it by AWS_ENDPOINT_URL_BATCH, and jobs run as processes here.

Arrays, retries by exit code, time-outs, `Ref::` parameters, overrides and state changes are Batch's. What is not here:
dependencies, multi-node jobs, scheduling policies, tags, secrets, and more compute environments than one. Memory is
not held to: the worker's own limit does that, by the MEMORY_MB of the job definition.
"""

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self
from uuid import uuid4

import msgspec

from localcloud.batch import models as requests
from localcloud.batch.iam import Judge, needed, nobody_asks
from localcloud.batch.models import ClientException
from localcloud.batch.scheduler import Scheduler, Surroundings, entry
from localcloud.batch.store import State
from localcloud.iam import DeniedError

#: AWS Batch's own least time-out of an attempt, in seconds.
LEAST_SECONDS = 60
_PATH = re.compile(r"^/v1/(?P<action>[a-z]+)$")


class LocalBatch:
    """The server. Also a context manager that kills every job on exit.

    `environment` is what all jobs find, below what their definition says; `{tmp}` in a value is a job's own scratch
    folder, as WORK_DIR is unless it is said. `on_event` is told every state change, as EventBridge says it, from one
    thread and in order; `on_log` every line of a job's log. `max_vcpus` is what all jobs have at once: a job that asks
    for more stays RUNNABLE, as in AWS. `least_seconds` is the least time-out; AWS has 60. `judge` says whether who asks
    may, as `localcloud.iam.judge` does.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        on_event: Callable[[dict[str, Any]], object],
        max_vcpus: float,
        *,
        on_log: Callable[[str], object] = lambda _line: None,
        least_seconds: int = LEAST_SECONDS,
        grace: float = 30.0,
        entry_point: Callable[[Sequence[str]], list[str]] = entry,
        judge: Judge = nobody_asks,
    ) -> None:
        """Serve on a free port of 127.0.0.1; logs and scratch space go to `folder`."""
        self.folder = folder
        self._scheduler = Scheduler(
            Surroundings(
                folder=folder,
                environment={"PATH": os.defpath, **environment},
                on_event=on_event,
                on_log=on_log,
                max_vcpus=max_vcpus,
                grace=grace,
                entry=entry_point,
            )
        )
        state = State(self._scheduler, least_seconds)
        served = {"actions": _actions(state), "judge": staticmethod(judge)}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Requests", (_Requests,), served))
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._scheduler.close()


Action = Callable[[bytes], dict[str, Any]]


def _actions(state: State) -> dict[str, Action]:
    def action(kind: type[requests.RequestT], do: Callable[[requests.RequestT], dict[str, Any]]) -> Action:
        return lambda body: do(requests.read(body, kind))

    return {
        "registerjobdefinition": action(requests.RegisterJobDefinition, state.register),
        "describejobdefinitions": action(requests.DescribeByName, state.definitions),
        "createjobqueue": action(requests.CreateJobQueue, state.create_queue),
        "describejobqueues": action(requests.DescribeByName, state.queues),
        "submitjob": lambda body: state.submit(requests.read(body, requests.SubmitJob), len(body)),
        "describejobs": action(requests.DescribeJobs, state.describe),
        "listjobs": action(requests.ListJobs, state.list_jobs),
        "canceljob": action(requests.EndJob, state.cancel),
        "terminatejob": action(requests.EndJob, state.terminate),
    }


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    actions: ClassVar[dict[str, Action]] = {}
    judge: ClassVar[Judge] = staticmethod(nobody_asks)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match = _PATH.match(self.path)
        action = self.actions.get(match["action"]) if match else None
        if match is None or action is None:
            self._refuse(f"The local Batch has no {self.path}.")
            return
        try:
            name, resources = needed(match["action"], body)
            self.judge("POST", self.path, self.headers, body, name, *resources)
            answer = action(body)
        except DeniedError as error:
            self._refuse(str(error), HTTPStatus.FORBIDDEN, "AccessDeniedException")
            return
        except ClientException as error:
            self._refuse(str(error))
            return
        self._answer(HTTPStatus.OK, answer, {})

    def _refuse(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST, kind: str = "ClientException") -> None:
        self._answer(status, {"message": message}, {"X-Amzn-ErrorType": kind})

    def _answer(self, status: HTTPStatus, answer: dict[str, Any], headers: Mapping[str, str]) -> None:
        body = msgspec.json.encode(answer)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", str(uuid4()))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: the jobs' own logs say it all."""
