"""The resources on which IAM must allow a request to Batch.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.batch.job import arn

#: Called like `localcloud.iam.authorize`: method, path, headers, body, the action without `batch:`, and its resources.
Authorize = Callable[..., None]


def allow_all(*_request: object) -> None:
    """The check of a cloud that does not enforce IAM."""


def required_resources(action: str, body: bytes) -> tuple[str, ...]:
    """The ARNs that `action` must be allowed on, all of them; `*` for an action without resources."""
    request: Mapping[str, Any] = json.loads(body or b"{}")
    if action == "SubmitJob":
        definition = _arn("job-definition", str(request.get("jobDefinition", "")))
        return _arn("job-queue", str(request.get("jobQueue", ""))), definition, _with_revision(definition)
    if action in {"CancelJob", "TerminateJob"}:
        return (_arn("job", str(request.get("jobId", ""))),)
    return ("*",)


def _arn(kind: str, name_or_arn: str) -> str:
    return name_or_arn if name_or_arn.startswith("arn:") else arn(kind, name_or_arn)


def _with_revision(definition: str) -> str:
    """Batch runs the newest revision of a definition that is named without a revision."""
    return definition if definition.rsplit("/", 1)[-1].count(":") else f"{definition}:1"
