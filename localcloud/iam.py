"""IAM in the embedded cloud: a role with an enforced policy for each function and for Batch jobs.

moto checks each request to S3 and SQS by the policies of its signer; `authorize` does so for Batch's API. moto ignores
conditions, resource-based policies, the version in a HEAD, and the source of a copy. For a missing object it answers
404 also without s3:ListBucket, where S3 answers 403. It denies presigned requests, because they have no
Authorization header.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto import settings
from moto.core import enable_iam_authentication
from moto.iam.access_control import IAMRequest
from moto.iam.models import iam_backends
from werkzeug.exceptions import HTTPException

from localcloud import clients
from localcloud.clients import ACCOUNT, Credentials

Policy = Mapping[str, Any]

_ALL: Policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_TRUST: Policy = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}],
}
_OWNER = "owner"


class DeniedError(Exception):
    """The signer is not allowed the action. The message is IAM's."""


@contextmanager
def enforced(endpoint: str, policies: Mapping[str, Policy]) -> Iterator[dict[str, Credentials]]:
    """Enforce IAM for as long as the block lasts. Yields the credentials of a role for each policy, by its name.

    OWNER, the default of every client of `localcloud.clients`, is allowed everything.
    """
    _allow_owner_everything(endpoint)
    credentials = {name: create_role(endpoint, name, policy) for name, policy in policies.items()}
    with enable_iam_authentication():  # in this process, which moto's server runs in
        yield credentials


def create_role(endpoint: str, name: str, policy: Policy) -> Credentials:
    """Create a role with this policy. Returns credentials that assume it."""
    iam, sts = clients.client("iam", endpoint), clients.client("sts", endpoint)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    given = sts.assume_role(RoleArn=arn, RoleSessionName="local")["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def authorize(method: str, path: str, headers: Mapping[str, str], body: bytes, action: str, *resources: str) -> None:
    """Raise DeniedError unless the signer of a request is allowed `action` on all of `resources`.

    Does nothing outside `enforced`.
    """
    if settings.INITIAL_NO_AUTH_ACTION_COUNT:
        return
    try:
        # moto looks headers up as boto3 spells them
        spelled = {name.title(): value for name, value in headers.items()}
        request = IAMRequest(ACCOUNT, method, path, {}, body, spelled, action)
        request.check_signature()
        for resource in resources:
            request.check_action_permitted(resource)
    except HTTPException as error:
        raise DeniedError(str(error.description)) from error


def _allow_owner_everything(endpoint: str) -> None:
    """Create a user with OWNER's credentials: IAM would choose others, so they are replaced in moto's state."""
    iam = clients.client("iam", endpoint)
    iam.create_user(UserName=_OWNER)
    iam.put_user_policy(UserName=_OWNER, PolicyName="all", PolicyDocument=json.dumps(_ALL))
    key_id = iam.create_access_key(UserName=_OWNER)["AccessKey"]["AccessKeyId"]
    backend = iam_backends[ACCOUNT]["aws"]
    key = next(key for key in backend.get_user(_OWNER).access_keys if key.access_key_id == key_id)
    key.access_key_id, key.secret_access_key = clients.OWNER.access_key_id, clients.OWNER.secret_access_key
