"""An account with a deployment and foreign resources, and calls that roles try in it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import ClientError

from localcloud import clients, iam
from localcloud.batch import setup
from localcloud.config import Options
from localcloud.http_server import HttpServer
from localcloud.iam import Policy
from localcloud.s3_sqs_cloudwatch import resources
from localcloud.s3_sqs_cloudwatch.moto_server import reset
from tests.policies.conftest import BUCKET, DEPLOYMENT

FOREIGN_BUCKET = "somebody-elses-pictures"
#: Each prefix has one object, with the name NAME.
PREFIXES = (
    "incoming/acme/web/u/",
    "originals/acme/i/",
    "processed/acme/i/",
    "quarantine/acme/i/",
    "results/i/",
    "tombstones/acme/",
    "failures/reconciled/i/",
    "aws/lambda/async/",
    "batches/",
    "dispatched/i/0/",
    "accepted/",
    "refused/images/0/",
    "reconciler/",
    "library/acme/",
)
NAME = "a"
FORBIDDEN = 403
JOB: Any = {"jobName": "somebody-elses", "jobQueue": f"{DEPLOYMENT}-jobs", "jobDefinition": f"{DEPLOYMENT}-1x2"}
DEFINITION: Any = {
    "jobDefinitionName": "others",
    "type": "container",
    "containerProperties": {
        "image": "theirs",
        "command": ["theirs"],
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
    },
}
MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}
)


@dataclass(frozen=True)
class Attempt:
    """A call that must be denied to `role`. The account replaces QueueUrl, VersionId and jobId in `arguments`."""

    role: str
    what: str
    service: str
    operation: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.role}: {self.what}"


class Account:
    """Makes calls as a role, and tells whether they were denied."""

    def __init__(self, endpoint: str, batch_endpoint: str, keys: dict[str, clients.Credentials]) -> None:
        self.job_id = clients.batch(batch_endpoint).submit_job(**JOB)["jobId"]
        self._endpoints = {"batch": batch_endpoint}
        self._endpoint = endpoint
        self._keys, self._credentials = keys, _SwitchableCredentials("", "")
        self._session = cast("Any", clients.session(clients.OWNER))
        self._session._session._credentials = self._credentials
        self._clients: dict[str, Any] = {}
        owner = clients.s3(endpoint)
        self.versions = {
            f"{prefix}{NAME}": owner.put_object(Bucket=BUCKET, Key=f"{prefix}{NAME}", Body=b"some")["VersionId"]
            for prefix in PREFIXES
        }

    def denied(self, attempt: Attempt, role: str = "") -> bool:
        """Make the call as `role`, by default the attempt's. False if it was done; other errors are raised."""
        arguments = dict(attempt.arguments)
        if "QueueUrl" in arguments:
            arguments["QueueUrl"] = f"{self._endpoint}/{clients.ACCOUNT}/{arguments['QueueUrl']}"
        if "VersionId" in arguments:
            arguments["VersionId"] = self.versions[arguments["Key"]]
        if "jobId" in arguments:
            arguments["jobId"] = self.job_id
        self._credentials.keys = self._keys[role or attempt.role]
        try:
            getattr(self._client(attempt.service), attempt.operation)(**arguments)
        except ClientError as error:
            # moto answers some JSON services with errors in XML, which become the message
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == FORBIDDEN and "AccessDenied" in str(error):
                return True
            raise
        return False

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            endpoint = self._endpoints.get(service, self._endpoint)
            config = clients._config(s3={"addressing_style": "path"})
            self._clients[service] = self._session.client(service, endpoint_url=endpoint, config=config)
        return self._clients[service]


class _SwitchableCredentials(Credentials):
    """Credentials whose keys can be exchanged, since creating a client for each role is slow."""

    keys = clients.OWNER

    def get_frozen_credentials(self) -> Any:
        return ReadOnlyCredentials(
            self.keys.access_key_id, self.keys.secret_access_key, self.keys.session_token or None
        )


@contextmanager
def account(endpoint: str, folder: Path, policies: dict[str, Policy]) -> Iterator[Account]:
    """An account that enforces IAM. Jobs submitted to Batch never run."""
    options = Options(deployment=DEPLOYMENT, batch_vcpus=0)
    with ExitStack() as stack:
        stack.enter_context(clients.isolated(endpoint))
        reset(endpoint)
        stack.callback(reset, endpoint)
        urls = resources.create_queues(clients.sqs(endpoint), 60, DEPLOYMENT)
        owner = clients.s3(endpoint)
        for name in (BUCKET, FOREIGN_BUCKET):
            owner.create_bucket(Bucket=name)
            owner.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        owner.put_object(Bucket=FOREIGN_BUCKET, Key=NAME, Body=b"some")
        clients.client("ecr", endpoint).create_repository(repositoryName="pictures")
        keys = stack.enter_context(iam.enforced(endpoint, policies))
        http = stack.enter_context(HttpServer())
        batch = stack.enter_context(setup.start(http, folder, endpoint, urls["overflow"], options, iam.authorize))
        setup.register(clients.batch(batch.endpoint), {}, DEPLOYMENT)
        clients.batch(batch.endpoint).create_job_queue(jobQueueName="others", priority=1, computeEnvironmentOrder=[])
        clients.batch(batch.endpoint).register_job_definition(**DEFINITION)
        yield Account(endpoint, batch.endpoint, keys)


def get(role: str, prefix: str, what: str) -> Attempt:
    return Attempt(role, what, "s3", "get_object", {"Bucket": BUCKET, "Key": f"{prefix}{NAME}"})


def put(role: str, prefix: str, what: str) -> Attempt:
    return Attempt(role, what, "s3", "put_object", {"Bucket": BUCKET, "Key": f"{prefix}new", "Body": b"forged"})


def hide(role: str, prefix: str, what: str) -> Attempt:
    """Delete without a version: a delete marker hides the object."""
    return Attempt(role, what, "s3", "delete_object", {"Bucket": BUCKET, "Key": f"{prefix}{NAME}"})


def remove(role: str, prefix: str, what: str) -> Attempt:
    """Delete a version."""
    return Attempt(role, what, "s3", "delete_object", {"Bucket": BUCKET, "Key": f"{prefix}{NAME}", "VersionId": ""})


def send(role: str, queue: str, what: str) -> Attempt:
    return Attempt(role, what, "sqs", "send_message", {"QueueUrl": f"{DEPLOYMENT}-{queue}", "MessageBody": "{}"})


def receive(role: str, queue: str, what: str) -> Attempt:
    return Attempt(role, what, "sqs", "receive_message", {"QueueUrl": f"{DEPLOYMENT}-{queue}"})


def submit(role: str, what: str, queue: str = f"{DEPLOYMENT}-jobs", definition: str = f"{DEPLOYMENT}-1x2") -> Attempt:
    arguments = {"jobName": "mine", "jobQueue": queue, "jobDefinition": definition}
    return Attempt(role, what, "batch", "submit_job", arguments)


def everywhere(role: str) -> list[Attempt]:
    """Calls that must be denied to every role."""
    nobody: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    more = {**nobody, "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::more/*"}]}
    rules = {"Rules": [{"ID": "now", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
    own, theirs = {"Bucket": BUCKET}, {"Bucket": FOREIGN_BUCKET, "Key": NAME}
    return [
        Attempt(role, "read another bucket", "s3", "get_object", theirs),
        Attempt(role, "write to another bucket", "s3", "put_object", {**theirs, "Body": b"some"}),
        Attempt(role, "list another bucket", "s3", "list_objects_v2", {"Bucket": FOREIGN_BUCKET}),
        Attempt(role, "list buckets", "s3", "list_buckets"),
        Attempt(
            role,
            "shorten the retention",
            "s3",
            "put_bucket_lifecycle_configuration",
            {**own, "LifecycleConfiguration": rules},
        ),
        Attempt(
            role, "change the policy of the bucket", "s3", "put_bucket_policy", {**own, "Policy": json.dumps(nobody)}
        ),
        Attempt(
            role,
            "stop keeping versions",
            "s3",
            "put_bucket_versioning",
            {**own, "VersioningConfiguration": {"Status": "Suspended"}},
        ),
        Attempt(
            role,
            "silence the bucket",
            "s3",
            "put_bucket_notification_configuration",
            {**own, "NotificationConfiguration": {}},
        ),
        Attempt(
            role,
            "have messages forgotten after a minute",
            "sqs",
            "set_queue_attributes",
            {"QueueUrl": f"{DEPLOYMENT}-records", "Attributes": {"MessageRetentionPeriod": "60"}},
        ),
        Attempt(role, "make a user", "iam", "create_user", {"UserName": f"made-by-{role}"}),
        Attempt(
            role,
            "give itself more",
            "iam",
            "put_role_policy",
            {"RoleName": role, "PolicyName": "more", "PolicyDocument": json.dumps(more)},
        ),
        Attempt(
            role,
            "be the operator",
            "sts",
            "assume_role",
            {
                "RoleArn": f"arn:aws:iam::{clients.ACCOUNT}:role/{'record' if role == 'admin' else 'admin'}",
                "RoleSessionName": "mine",
            },
        ),
    ]
