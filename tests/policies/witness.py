"""A log of the calls that moto's IAM judged, with the permissions that AWS would check in addition."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from moto.iam.access_control import IAMPolicy, IAMRequestBase, PermissionResult

from localcloud.iam import Policy


@dataclass(frozen=True)
class Call:
    """One judged call. `role` is empty for the owner; `unasked` are permissions that AWS checks and moto does not."""

    role: str
    action: str
    resource: str
    allowed: bool
    unasked: tuple[tuple[str, str], ...] = ()

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        """All permissions of the call, as pairs of action and resource."""
        return ((self.action, self.resource), *self.unasked)


@dataclass
class CallLog:
    """The calls so far, in order."""

    calls: list[Call] = field(default_factory=list)

    def of(self, role: str) -> list[Call]:
        return [call for call in list(self.calls) if call.role == role]

    @property
    def by_roles(self) -> list[Call]:
        return [call for call in list(self.calls) if call.role]


@contextmanager
def record_calls() -> Iterator[CallLog]:
    """Record each decision; moto's server runs in this process."""
    log = CallLog()
    decide = IAMRequestBase.check_action_permitted

    def recorded(request: Any, resource: str) -> None:
        allowed = False
        try:
            decide(request, resource)
            allowed = True
        finally:
            role = _role(request._access_key.arn)
            unasked = tuple(_unasked_by_moto(request, resource)) if request._action.startswith("s3:") else ()
            log.calls.append(Call(role, request._action, resource, allowed, unasked))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IAMRequestBase, "check_action_permitted", recorded)
        yield log


def _role(arn: str) -> str:
    kind, *names = arn.rsplit(":", 1)[-1].split("/")
    return names[0] if kind == "assumed-role" else ""


def _unasked_by_moto(request: Any, resource: str) -> Iterator[tuple[str, str]]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html."""
    query = parse_qs(urlsplit(request._path).query)
    bucket = resource.split("/", 1)[0]
    if request._method == "HEAD" and "versionId" in query:
        yield "s3:GetObjectVersion", resource
    if request._method in {"GET", "HEAD"} and resource != bucket:
        yield "s3:ListBucket", bucket  # without it a missing object is 403 and not 404
    source = request._headers.get("x-amz-copy-source")
    if source:
        place, _, version = unquote(source).lstrip("/").partition("?versionId=")
        name = bucket.rsplit(":", 1)[0]
        which = "Version" if version else ""
        yield f"s3:GetObject{which}", f"{name}:{place}"
        if "uploadId" not in query:  # a multipart copy does not copy tags
            yield f"s3:GetObject{which}Tagging", f"{name}:{place}"
            yield "s3:PutObjectTagging", resource


def allows(policy: Policy, action: str, resource: str) -> bool:
    """The decision of moto's engine on a policy, for actions of services that moto does not enforce."""
    answer: PermissionResult = IAMPolicy({"policy_document": json.dumps(policy)}).is_action_permitted(action, resource)
    return answer is PermissionResult.PERMITTED


@dataclass(frozen=True, order=True)
class Grant:
    """One allowed action on one resource, which may hold wildcards."""

    action: str
    resource: str

    def covers(self, action: str, resource: str) -> bool:
        return self.action == action and fnmatchcase(resource, self.resource)


def grants(policy: Policy) -> list[Grant]:
    return [
        Grant(action, resource)
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
