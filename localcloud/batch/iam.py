"""What IAM must allow for a request to Batch.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.batch.job import arn

#: As `localcloud.iam.judge`: method, path, headers, body, the action without `batch:`, and its resources.
Judge = Callable[..., None]

_NAMES = (
    "RegisterJobDefinition",
    "DescribeJobDefinitions",
    "CreateJobQueue",
    "DescribeJobQueues",
    "SubmitJob",
    "DescribeJobs",
    "ListJobs",
    "CancelJob",
    "TerminateJob",
)
_ACTIONS = {name.lower(): name for name in _NAMES}


def nobody_asks(*_request: object) -> None:
    """The judge where IAM is not enforced."""


def needed(path_action: str, body: bytes) -> tuple[str, tuple[str, ...]]:
    """The action, and on which resources it is needed, all of them; `*` where it has none, or is the owner's."""
    action = _ACTIONS[path_action]
    asked: Mapping[str, Any] = json.loads(body or b"{}")
    if action == "SubmitJob":
        definition = _named("job-definition", str(asked.get("jobDefinition", "")))
        return action, (_named("job-queue", str(asked.get("jobQueue", ""))), definition, _revised(definition))
    if action in {"CancelJob", "TerminateJob"}:
        return action, (_named("job", str(asked.get("jobId", ""))),)
    return action, ("*",)


def _named(kind: str, said: str) -> str:
    return said if said.startswith("arn:") else arn(kind, said)


def _revised(definition: str) -> str:
    """Batch takes the newest revision of what is named without one."""
    return definition if definition.rsplit("/", 1)[-1].count(":") else f"{definition}:1"
