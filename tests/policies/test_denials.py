"""Calls that must be denied to each role, made with the role's own keys.

moto judges S3 and SQS by action and resource, and so does the embedded Batch. For IAM, STS and ECR it compares the
resource with `*`, which only the statement of `ecr:GetAuthorizationToken` names. The denial of network interfaces has a
condition, the calling function's ARN, which moto ignores.
"""

from collections.abc import Iterator

import pytest

from localcloud.iam import Policy
from tests.policies.account import (
    DEFINITION,
    MANIFEST,
    Account,
    Attempt,
    account,
    everywhere,
    get,
    hide,
    put,
    receive,
    remove,
    send,
    submit,
)
from tests.policies.conftest import BUCKET, DEPLOYMENT

pytestmark = pytest.mark.long

UPLOADS, SOURCES, PICTURES = "incoming/acme/web/u/", "originals/acme/i/", "processed/acme/i/"
FAILED, COMMITS, ERASURES = "quarantine/acme/i/", "results/i/", "tombstones/acme/"
VERSIONS = {"Bucket": BUCKET}
UNRESTRICTED = "anybody"
ALL: Policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

ATTEMPTS = [
    get("process", PICTURES, "read renditions"),
    get("process", FAILED, "read the sources of failed images"),
    get("process", ERASURES, "read tombstones"),
    put("process", ERASURES, "ask for an erasure"),
    put("process", SOURCES, "forge an archived source"),
    put("process", "batches/", "give work to Batch"),
    put("process", "dispatched/i/0/", "claim an image for Batch"),
    hide("process", UPLOADS, "hide an upload"),
    remove("process", UPLOADS, "delete an upload"),
    remove("process", COMMITS, "undo a commit"),
    Attempt("process", "list versions", "s3", "list_object_versions", VERSIONS),
    receive("process", "records", "take the recorder's messages"),
    receive("process", "overflow", "take the dispatcher's messages"),
    send("process", "records-dead-letters", "write into a dead-letter queue"),
    submit("process", "submit a job"),
    Attempt("process", "list jobs", "batch", "list_jobs", {"jobQueue": f"{DEPLOYMENT}-jobs"}),
    get("dispatch", PICTURES, "read renditions"),
    get("dispatch", FAILED, "read the sources of failed images"),
    get("dispatch", ERASURES, "read tombstones"),
    put("dispatch", PICTURES, "forge a picture"),
    put("dispatch", SOURCES, "forge an archived source"),
    put("dispatch", ERASURES, "ask for an erasure"),
    put("dispatch", "aws/lambda/async/", "forge a failure"),
    hide("dispatch", UPLOADS, "hide an upload"),
    remove("dispatch", "dispatched/i/0/", "forget a claim"),
    remove("dispatch", COMMITS, "undo a commit"),
    receive("dispatch", "records", "take the recorder's messages"),
    send("dispatch", "overflow", "send itself messages"),
    submit("dispatch", "submit to another queue", queue="others"),
    submit("dispatch", "submit another definition", definition="others"),
    Attempt("dispatch", "end a job", "batch", "terminate_job", {"jobId": "", "reason": "none"}),
    Attempt("dispatch", "register a job definition", "batch", "register_job_definition", DEFINITION),
    get("record", PICTURES, "read renditions"),
    get("record", SOURCES, "read archived sources"),
    get("record", "failures/reconciled/i/", "read failures"),
    put("record", COMMITS, "forge a commit"),
    put("record", ERASURES, "ask for an erasure"),
    put("record", UPLOADS, "upload"),
    put("record", PICTURES, "forge a picture"),
    hide("record", UPLOADS, "hide an upload"),
    hide("record", COMMITS, "hide a commit"),
    remove("record", COMMITS, "undo a commit"),
    remove("record", ERASURES, "forget an erasure"),
    receive("record", "overflow", "take the dispatcher's messages"),
    send("record", "records", "send itself messages"),
    send("record", "overflow", "hand over"),
    submit("record", "submit a job"),
    get("admin", PICTURES, "read renditions"),
    get("admin", SOURCES, "read archived sources"),
    put("admin", UPLOADS, "upload"),
    put("admin", PICTURES, "forge a picture"),
    put("admin", ERASURES, "ask for an erasure"),
    put("admin", "aws/lambda/async/", "forge a failure of Lambda's"),
    put("admin", "batches/", "give work to Batch"),
    hide("admin", COMMITS, "hide a commit"),
    remove("admin", COMMITS, "undo a commit"),
    remove("admin", ERASURES, "forget an erasure"),
    receive("admin", "records", "take the recorder's messages"),
    send("admin", "overflow", "hand over by the queue"),
    submit("admin", "submit a job"),
    get("web", UPLOADS, "read an upload"),
    get("web", FAILED, "read the sources of failed images"),
    get("web", ERASURES, "read tombstones"),
    get("web", "library/acme/", "read the customers' libraries"),
    put("web", PICTURES, "forge a picture"),
    put("web", SOURCES, "forge an archived source"),
    put("web", COMMITS, "forge a commit"),
    hide("web", PICTURES, "hide a picture"),
    remove("web", PICTURES, "delete a picture"),
    remove("web", UPLOADS, "delete an upload"),
    remove("web", ERASURES, "forget an erasure"),
    Attempt("web", "list versions", "s3", "list_object_versions", VERSIONS),
    send("web", "records", "tell the recorder"),
    send("web", "overflow", "hand over"),
    submit("web", "submit a job"),
    get("job", PICTURES, "read renditions"),
    get("job", FAILED, "read the sources of failed images"),
    get("job", ERASURES, "read tombstones"),
    get("job", "dispatched/i/0/", "read claims"),
    put("job", UPLOADS, "upload"),
    put("job", SOURCES, "forge an archived source"),
    put("job", ERASURES, "ask for an erasure"),
    put("job", "batches/", "give itself work"),
    put("job", "aws/lambda/async/", "forge a failure"),
    hide("job", UPLOADS, "hide an upload"),
    remove("job", COMMITS, "undo a commit"),
    receive("job", "overflow", "take the dispatcher's messages"),
    submit("job", "submit a job"),
    Attempt("job", "end a job", "batch", "terminate_job", {"jobId": "", "reason": "none"}),
    get("execution", UPLOADS, "read an upload"),
    put("execution", COMMITS, "forge a commit"),
    Attempt("execution", "list the bucket", "s3", "list_objects_v2", {"Bucket": BUCKET}),
    send("execution", "records", "tell the recorder"),
    submit("execution", "submit a job"),
    Attempt(
        "execution", "push an image", "ecr", "put_image", {"repositoryName": "pictures", "imageManifest": MANIFEST}
    ),
    Attempt(
        "execution", "delete a repository", "ecr", "delete_repository", {"repositoryName": "pictures", "force": True}
    ),
]
ROLES = ("process", "dispatch", "record", "admin", "web", "job", "execution")
ATTEMPTS += [attempt for role in ROLES for attempt in everywhere(role)]


@pytest.fixture(scope="module")
def tried(cloud: str, shipped: dict[str, Policy], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(cloud, tmp_path_factory.mktemp("denials"), {**shipped, UNRESTRICTED: ALL}) as found:
        yield found


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_it_is_denied(tried: Account, attempt: Attempt) -> None:
    assert tried.denied(attempt)


def test_there_are_many_for_each_role() -> None:
    own = {role: sum(attempt.role == role for attempt in ATTEMPTS) - len(everywhere(role)) for role in ROLES}
    assert min(own.values()) >= 5, own


def test_an_unrestricted_role_is_denied_none_of_them(tried: Account) -> None:
    """The denials above come from the policies only."""
    reads_first = sorted(ATTEMPTS, key=lambda attempt: attempt.operation.startswith("delete"))
    assert [str(attempt) for attempt in reads_first if tried.denied(attempt, UNRESTRICTED)] == []
