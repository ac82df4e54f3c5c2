"""IAM in the embedded cloud: each function, and Batch's jobs, under a role of its own, whose policy is enforced.

moto judges each call to S3 and SQS by the policy of who signed it, and so does `judge` for the servers of our own. What
moto does not look at: conditions and resource-based policies; the version that a HEAD names, and the source of a copy.
It says 404 of an object that is not there also to those who may not list the bucket, where S3 says 403. A presigned
request carries no header that it could judge, and fails.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from localcloud import clients
from localcloud.clients import ACCOUNT, Keys

Policy = Mapping[str, Any]

_ALL: Policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
_TRUST: Policy = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}],
}
_OWNER = "owner"


class DeniedError(Exception):
    """Who signed the request may not do that. The sentence is IAM's."""


@contextmanager
def enforced(endpoint: str, policies: Mapping[str, Policy]) -> Iterator[dict[str, Keys]]:
    """Judge every request from now on, for as long as it lasts; the keys of a role for each policy, by its name.

    Who runs the cloud, with the keys that every client of `localcloud.clients` has, may do all.
    """
    from moto.core import enable_iam_authentication  # noqa: PLC0415 - a second, for who wants it only

    _let_owner_in(endpoint)
    keys = {name: assumed(endpoint, name, policy) for name, policy in policies.items()}
    with enable_iam_authentication():  # of this process, and moto's server is in it
        yield keys


def assumed(endpoint: str, name: str, policy: Policy) -> Keys:
    """Make a role with that one policy, and be it."""
    iam, sts = clients.client("iam", endpoint), clients.client("sts", endpoint)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    given = sts.assume_role(RoleArn=arn, RoleSessionName="local")["Credentials"]
    return Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def judge(method: str, path: str, headers: Mapping[str, str], body: bytes, action: str, *resources: str) -> None:
    """Whether who signed a request to a server of our own may do `action` on all of `resources`.

    `path` is that of the request, with its query. Raises DeniedError. Does nothing where IAM is not enforced.
    """
    from moto import settings  # noqa: PLC0415 - as above
    from moto.iam.access_control import IAMRequest  # noqa: PLC0415
    from werkzeug.exceptions import HTTPException  # noqa: PLC0415

    if settings.INITIAL_NO_AUTH_ACTION_COUNT:
        return
    try:
        request = IAMRequest(ACCOUNT, method, path, {}, body, dict(headers), action)
        request.check_signature()
        for resource in resources:
            request.check_action_permitted(resource)
    except HTTPException as error:
        raise DeniedError(str(error.description)) from error


def _let_owner_in(endpoint: str) -> None:
    """Give the keys that `localcloud.clients` signs with to a user who may do all; IAM makes up keys of its own."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - as above

    iam = clients.client("iam", endpoint)
    iam.create_user(UserName=_OWNER)
    iam.put_user_policy(UserName=_OWNER, PolicyName="all", PolicyDocument=json.dumps(_ALL))
    made = iam.create_access_key(UserName=_OWNER)["AccessKey"]["AccessKeyId"]
    backend = iam_backends[ACCOUNT]["aws"]
    key = next(key for key in backend.get_user(_OWNER).access_keys if key.access_key_id == made)
    key.access_key_id, key.secret_access_key = clients.OWNER.access_key_id, clients.OWNER.secret_access_key
