"""`pictureperfect destroy`: data stays unless the stack's name is typed, and its price is printed."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import boto3
import click
import pytest
from click.testing import CliRunner

from pictureperfect.commands.deployment.destroy import destroy as command
from pictureperfect.deployment.teardown import StackData, Teardown
from tests.support.aws.deploying_world import ACCOUNT, OUTPUTS, REGION, environment, template

BUCKET = OUTPUTS["BucketName"]


@pytest.fixture
def session(cloud: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    environment(monkeypatch, cloud)
    return boto3.Session()


@pytest.fixture
def stack(session: Any) -> Any:
    """A stack whose bucket has two versions of an object, a deleted object and an unfinished upload."""
    session.client("cloudformation").create_stack(StackName="PicturePerfect", TemplateBody=json.dumps(template()))
    s3 = session.client("s3")
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        s3.put_object(Bucket=BUCKET, Key="results/1/0.json", Body=body)
    s3.put_object(Bucket=BUCKET, Key="originals/a.jpg", Body=b"photo")
    s3.delete_object(Bucket=BUCKET, Key="originals/a.jpg")
    s3.create_multipart_upload(Bucket=BUCKET, Key="incoming/a.tif")
    yield session
    s3 = session.resource("s3")
    if any(bucket.name == BUCKET for bucket in s3.buckets.all()):
        s3.Bucket(BUCKET).object_versions.delete()
        s3.Bucket(BUCKET).delete()
    session.client("cloudformation").delete_stack(StackName="PicturePerfect")


def run(*arguments: str, typed: str = "") -> SimpleNamespace:
    result = CliRunner().invoke(command, arguments, input=typed, standalone_mode=False)
    if isinstance(result.exception, click.ClickException):
        return SimpleNamespace(code=1, out=result.stdout, err=result.exception.message)
    assert result.exception is None, result.exception
    return SimpleNamespace(code=result.return_value or 0, out=result.stdout, err=result.stderr)


def stands(session: Any) -> bool:
    stacks = session.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"]
    return any(stack["StackName"] == "PicturePerfect" for stack in stacks)


def buckets(session: Any) -> list[str]:
    return [bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]]


def test_the_buckets_stay_and_their_price_is_printed(stack: Any) -> None:
    done = run(typed="y\n")
    assert done.code == 0
    assert not stands(stack)
    assert len(stack.client("s3").list_object_versions(Bucket=BUCKET)["Versions"]) == 3
    assert f"bucket {BUCKET} stays: 0.00 GB, $0.00 a month ($0.023 a GB)" in done.err
    assert "DELETE_COMPLETE" in done.err
    assert f"These stay and are billed: {BUCKET}" in done.out
    assert "`make deploy` takes the buckets over" in done.out


def test_without_confirmation_nothing_is_deleted(stack: Any) -> None:
    done = run(typed="n\n")
    assert (done.code, done.out) == (1, "")
    assert stands(stack)


@pytest.mark.parametrize("typed", ["y\n", "picture-perfect\n"])
def test_data_is_not_deleted_unless_the_stacks_name_is_typed(stack: Any, typed: str) -> None:
    done = run("--data", "delete", typed=typed)
    assert done.code == 1
    assert stands(stack)
    assert len(stack.client("s3").list_object_versions(Bucket=BUCKET)["Versions"]) == 3


def test_with_the_name_typed_every_version_is_deleted(stack: Any) -> None:
    done = run("--data", "delete", typed="PicturePerfect\n")
    assert done.code == 0
    assert not stands(stack)
    assert BUCKET not in buckets(stack)
    assert f"bucket {BUCKET} deleted, with every version of every object" in done.err


def test_yes_asks_nothing(stack: Any) -> None:
    assert run("--data", "delete", "--yes").code == 0
    assert BUCKET not in buckets(stack)


def test_without_a_stack_there_is_nothing_to_do(session: Any) -> None:
    done = run("--yes")
    assert done.code == 0
    assert f"There is no stack PicturePerfect in account {ACCOUNT}, {REGION}" in done.out


@pytest.fixture
def cluster(session: Any) -> Any:
    """An Aurora cluster with deletion protection, and the final snapshot that CloudFormation takes of it."""
    rds, name = session.client("rds"), f"history-{uuid4().hex[:8]}"
    rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-postgresql",
        MasterUsername="pp",
        MasterUserPassword="longenough",
        DeletionProtection=True,
    )
    rds.create_db_cluster_snapshot(DBClusterIdentifier=name, DBClusterSnapshotIdentifier="last")
    yield name
    for snapshot in snapshots(session):
        rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=snapshot)
    rds.modify_db_cluster(DBClusterIdentifier=name, DeletionProtection=False)
    rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)


def snapshots(session: Any) -> list[str]:
    found = session.client("rds").describe_db_cluster_snapshots()["DBClusterSnapshots"]
    names = [snapshot["DBClusterSnapshotIdentifier"] for snapshot in found]
    return [name for name in names if not name.startswith("rds:")]  # those are backups, which go with the cluster


@pytest.mark.parametrize(("delete", "left"), [(False, ["last"]), (True, [])])
def test_deletion_protection_is_removed_and_the_final_snapshot_stays_unless_data_is_deleted(
    stack: Any, cluster: str, delete: bool, left: list[str]
) -> None:
    pool = stack.client("cognito-idp").create_user_pool(PoolName="customers")["UserPool"]["Id"]
    teardown = Teardown(stack, "PicturePerfect", lambda _sentence: None)
    data = StackData((BUCKET,), (cluster,), (pool,))
    text = teardown.describe(data, delete=delete)
    assert f"database {cluster} is deleted" in text
    assert ("a final snapshot stays, $0.021 a GB and month" in text) is not delete
    teardown.run(data, delete=delete)
    rds = stack.client("rds")
    assert rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]["DeletionProtection"] is False
    assert snapshots(stack) == left
    pools = [each["Id"] for each in stack.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]]
    assert (pool in pools) is not delete


def test_an_older_manual_snapshot_is_kept(session: Any, cluster: str) -> None:
    teardown = Teardown(session, "PicturePerfect", lambda _sentence: None)
    teardown._delete_snapshots(cluster, datetime.now(UTC) + timedelta(hours=1))
    assert snapshots(session) == ["last"]


class Stuck:
    """A CloudFormation whose deletion fails: one state for each poll."""

    def __init__(self) -> None:
        self.states = ["CREATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_FAILED"]

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803, ARG002 - boto3's name
        return {"Stacks": [{"StackId": "arn:stack", "StackStatus": self.states.pop(0)}]}

    def delete_stack(self, StackName: str) -> None:  # noqa: N803, ARG002
        assert self.states[0] == "DELETE_IN_PROGRESS"

    def get_paginator(self, _name: str) -> Any:
        event = {
            "EventId": "1",
            "Timestamp": datetime.now(UTC),
            "LogicalResourceId": "Vpc",
            "ResourceType": "AWS::EC2::VPC",
            "ResourceStatus": "DELETE_FAILED",
            "ResourceStatusReason": "has dependencies",
        }
        events = [] if len(self.states) > 1 else [event]
        return SimpleNamespace(paginate=lambda StackName: [{"StackEvents": events}])  # noqa: N803, ARG005


def test_if_the_deletion_fails_its_reason_is_reported_and_no_data_is_deleted(stack: Any) -> None:
    stuck = Stuck()
    waited: list[float] = []
    session = SimpleNamespace(
        client=lambda name: stuck if name == "cloudformation" else stack.client(name), region_name=REGION
    )
    teardown = Teardown(session, "PicturePerfect", lambda _sentence: None, sleep=waited.append)  # type: ignore[arg-type]
    with pytest.raises(click.ClickException, match=r"Vpc: has dependencies. Remove the cause"):
        teardown.run(StackData((BUCKET,), (), ()), delete=True)
    assert len(waited) == 2
    assert len(stack.client("s3").list_object_versions(Bucket=BUCKET)["Versions"]) == 3
