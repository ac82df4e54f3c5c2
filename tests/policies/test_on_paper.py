"""Permissions for services that the embedded cloud does not have: judged on the policies and the template only."""

import pytest

from localcloud.clients import ACCOUNT, REGION
from localcloud.iam import Policy
from tests.policies.conftest import BUCKET, DEPLOYMENT, Template
from tests.policies.witness import allows, grants, listed

USERS = {"record": "picture_perfect_record", "admin": "picture_perfect", "web": "picture_perfect_web"}
FUNCTIONS = ("process", "dispatch", "record", "admin", "web")
LOGS = {role: f"/aws/lambda/{DEPLOYMENT}-{role}" for role in FUNCTIONS} | {"execution": f"/aws/batch/{DEPLOYMENT}"}
ROLES = (*FUNCTIONS, "job", "execution")
TOPIC = f"arn:aws:kafka:{REGION}:{ACCOUNT}:topic/pictures/0a1b2c3d-0000-0000-0000-000000000000-1"


@pytest.mark.parametrize("role", ROLES)
def test_each_role_connects_to_the_database_as_its_own_user_only(shipped: dict[str, Policy], role: str) -> None:
    (cluster,) = {
        grant.resource.rsplit("/", 1)[0] for grant in grants(shipped["admin"]) if grant.action == "rds-db:connect"
    }
    entered = [user for user in USERS.values() if allows(shipped[role], "rds-db:connect", f"{cluster}/{user}")]
    assert entered == ([USERS[role]] if role in USERS else [])


@pytest.mark.parametrize("role", ROLES)
def test_a_log_is_written_by_its_own_role_alone(shipped: dict[str, Policy], role: str) -> None:
    streams = {name: f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:log-stream:any" for name in LOGS.values()}
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        written = [name for name, stream in streams.items() if allows(shipped[role], action, stream)]
        assert written == ([LOGS[role]] if role in LOGS else [])


@pytest.mark.parametrize("role", ROLES)
def test_no_role_deletes_results_or_tombstones_or_adds_delete_markers(
    shipped: dict[str, Policy], whole: dict[str, Policy], role: str
) -> None:
    for policy in (shipped[role], whole[role]):
        for prefix in ("results/i/0.json", "tombstones/acme/i.json"):
            for action in ("s3:DeleteObject", "s3:DeleteObjectVersion"):
                assert not allows(policy, action, f"arn:aws:s3:::{BUCKET}/{prefix}")
        assert not [grant for grant in grants(policy) if grant.action == "s3:DeleteObject"]


@pytest.mark.parametrize("role", ROLES)
def test_versions_are_listed_where_they_are_deleted_and_nowhere_else(shipped: dict[str, Policy], role: str) -> None:
    """A list of versions shows the names of deleted objects too, so it is limited to prefixes."""
    listing = [one for one in shipped[role]["Statement"] if "s3:ListBucketVersions" in listed(one["Action"])]
    prefixes = {prefix for one in listing for prefix in listed(one["Condition"]["StringLike"]["s3:prefix"])}
    deleted = {grant.resource for grant in grants(shipped[role]) if grant.action == "s3:DeleteObjectVersion"}
    assert {f"arn:aws:s3:::{BUCKET}/{prefix}" for prefix in prefixes} == deleted
    assert all(set(one) == {"Effect", "Action", "Resource", "Condition"} for one in listing)


@pytest.mark.parametrize("role", ROLES)
def test_no_action_has_a_wildcard_and_only_actions_without_a_resource_are_allowed_on_all(
    whole: dict[str, Policy], role: str
) -> None:
    assert [grant for grant in grants(whole[role]) if "*" in grant.action] == []
    everything = {grant.action for grant in grants(whole[role]) if grant.resource == "*"}
    assert {action for action in everything if not action.startswith("ec2:")} <= {
        "batch:ListJobs",
        "ecr:GetAuthorizationToken",
    }


def test_the_execution_role_pulls_its_image_and_can_push_none(shipped: dict[str, Policy]) -> None:
    (own,) = {grant.resource for grant in grants(shipped["execution"]) if grant.action == "ecr:BatchGetImage"}
    assert allows(shipped["execution"], "ecr:GetAuthorizationToken", "*")
    assert allows(shipped["execution"], "ecr:GetDownloadUrlForLayer", own)
    assert not allows(shipped["execution"], "ecr:BatchGetImage", own + "-another")
    assert not allows(shipped["execution"], "ecr:PutImage", own)


def test_of_the_stream_its_topic_alone_is_read_and_nothing_is_written(whole: dict[str, Policy]) -> None:
    assert allows(whole["process"], "kafka-cluster:ReadData", f"{TOPIC}/images")
    assert not allows(whole["process"], "kafka-cluster:ReadData", f"{TOPIC}/orders")
    assert not allows(whole["process"], "kafka-cluster:WriteData", f"{TOPIC}/images")


def test_roles_are_assumed_by_lambda_or_fargate_only(template: Template) -> None:
    trusted = {
        identity: resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for identity, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    }
    assert len(trusted) == len(ROLES)
    for identity, statements in trusted.items():
        (statement,) = statements
        service = "ecs-tasks.amazonaws.com" if identity.startswith("Batch") else "lambda.amazonaws.com"
        assert statement["Principal"] == {"Service": service}
        assert listed(statement["Action"]) == ["sts:AssumeRole"]


def test_jobs_are_submitted_to_the_own_queue_alone(shipped: dict[str, Policy]) -> None:
    """ListJobs has no resource in AWS, so the names of all the account's jobs are visible."""
    queues = [grant.resource for grant in grants(shipped["dispatch"]) if ":job-queue/" in grant.resource]
    assert queues == [f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/{DEPLOYMENT}-jobs"]
