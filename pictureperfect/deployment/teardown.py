"""Deletes a deployment. Its data stays: the buckets, a snapshot of the database, the user pool.

The data is deleted only on request, and last, when nothing is left that could write to it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from core.routing import prices
from pictureperfect.deployment import aws_session

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client

#: Prints a sentence of progress.
Say = Callable[[str], object]
#: Dollars a GB and month of an Aurora snapshot: https://aws.amazon.com/rds/aurora/pricing/
SNAPSHOT_GB_MONTH = 0.021
_GB = 1024**3
_POLL_SECONDS = 5.0
_PAGE = 1000  # objects that S3 deletes in one request


@dataclass(frozen=True)
class StackData:
    """Physical names of the stack's resources that hold data."""

    buckets: tuple[str, ...]
    clusters: tuple[str, ...]
    user_pools: tuple[str, ...]


@dataclass
class Teardown:
    """Deletes one stack. `sleep` is called between two polls of CloudFormation."""

    session: "boto3.Session"
    stack: str
    say: Say
    sleep: Callable[[float], None] = time.sleep

    def data(self) -> StackData | None:
        """The stack's data; None if there is no such stack."""
        client = self.session.client("cloudformation")
        with aws_session.errors_explained():
            if aws_session.describe_stack(client, self.stack) is None:
                return None
            pages = client.get_paginator("list_stack_resources").paginate(StackName=self.stack)
            resources = [resource for page in pages for resource in page["StackResourceSummaries"]]

        def names(kind: str) -> tuple[str, ...]:
            return tuple(
                resource["PhysicalResourceId"]
                for resource in resources
                if resource["ResourceType"] == kind and resource.get("PhysicalResourceId")
            )

        return StackData(names("AWS::S3::Bucket"), names("AWS::RDS::DBCluster"), names("AWS::Cognito::UserPool"))

    def describe(self, data: StackData, *, delete: bool) -> str:
        """A line for each resource that is deleted or stays, with the price of those that stay."""
        price = prices.load()
        lines = [
            f"The stack {self.stack} in {self.session.region_name} will be deleted: no image is processed afterwards."
        ]
        verb = "deleted, with every version of every object:" if delete else "stays:"
        for name in data.buckets:
            size = self._bytes(name)
            cost = (
                "size not known yet"
                if size is None
                else f"{size / _GB:.2f} GB, ${size / _GB * price.s3.gb_month:.2f} a month"
            )
            lines.append(f"bucket {name} {verb} {cost} (${price.s3.gb_month} a GB)")
        outcome = (
            "is deleted, with its backups"
            if delete
            else f"is deleted; a final snapshot stays, ${SNAPSHOT_GB_MONTH} a GB and month"
        )
        lines += [f"database {name} {outcome}" for name in data.clusters]
        lines += [
            f"user pool {name} {'is deleted, with its users' if delete else 'stays, and costs nothing'}"
            for name in data.user_pools
        ]
        lines.append(
            f"The container images stay in CDK's own repository ({price.date}: $0.10 a GB and month); see `cdk gc`."
        )
        return "\n".join(lines)

    def run(self, data: StackData, *, delete: bool) -> None:
        """Delete the stack, and with `delete` its data. Raises ClickException with CloudFormation's reasons."""
        began = datetime.now(UTC)
        rds = self.session.client("rds")
        with aws_session.errors_explained():
            for name in data.clusters:
                rds.modify_db_cluster(DBClusterIdentifier=name, DeletionProtection=False, ApplyImmediately=True)
            self._delete_stack()
            if not delete:
                return
            s3 = self.session.client("s3")
            for name in data.buckets:
                self._empty(s3, name)
                s3.delete_bucket(Bucket=name)
                self.say(f"deleted bucket {name}")
            for name in data.clusters:
                self._delete_snapshots(name, began)
            for name in data.user_pools:
                self._delete_pool(name)

    def _delete_stack(self) -> None:
        client = self.session.client("cloudformation")
        stack = aws_session.describe_stack(client, self.stack)
        if stack is None:
            return
        stack_id = stack["StackId"]  # a deleted stack is found by its id only
        since = datetime.now(UTC) - timedelta(seconds=1)
        client.delete_stack(StackName=self.stack)
        seen: set[str] = set()
        while True:
            status = client.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
            failed = list(self._report_events(client, stack_id, since, seen))
            if status == "DELETE_COMPLETE":
                return
            if status.endswith("_FAILED"):
                reasons = "; ".join(failed) or "no reason was given"
                raise click.ClickException(
                    f"CloudFormation could not delete {self.stack}: {reasons}. Remove the cause and run the command "
                    "again; no data was deleted."
                )
            self.sleep(_POLL_SECONDS)

    def _report_events(
        self, client: "CloudFormationClient", stack_id: str, since: datetime, seen: set[str]
    ) -> Iterator[str]:
        """Print the events since `since` that are not in `seen`; yield the resources that could not be deleted."""
        pages = client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        events = [event for page in pages for event in page["StackEvents"] if event["Timestamp"] >= since]
        for event in reversed(events):
            failed = event.get("ResourceStatus", "") == "DELETE_FAILED"
            name, reason = event.get("LogicalResourceId", ""), event.get("ResourceStatusReason", "")
            if failed:
                yield f"{name}: {reason}"
            if event["EventId"] not in seen:
                seen.add(event["EventId"])
                self.say(f"{event.get('ResourceStatus', '')} {event.get('ResourceType', '')} {name} {reason}".rstrip())

    def _bytes(self, bucket: str) -> int | None:
        """The bucket's size by CloudWatch's daily metric; None before its first value."""
        now = datetime.now(UTC)
        with aws_session.errors_explained():
            points = self.session.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/S3",
                MetricName="BucketSizeBytes",
                Dimensions=[
                    {"Name": "StorageType", "Value": "StandardStorage"},
                    {"Name": "BucketName", "Value": bucket},
                ],
                StartTime=now - timedelta(days=3),
                EndTime=now,
                Period=86_400,
                Statistics=["Average"],
            )["Datapoints"]
        latest = max(points, key=lambda point: point["Timestamp"], default=None)
        return int(latest["Average"]) if latest else None

    def _empty(self, s3: "S3Client", bucket: str) -> None:
        """Delete every version and delete marker, and abort unfinished multipart uploads."""
        batch: list[Any] = []
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for item in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                batch.append({"Key": item["Key"], "VersionId": item["VersionId"]})
                if len(batch) == _PAGE:
                    self._delete(s3, bucket, batch)
                    batch = []
        self._delete(s3, bucket, batch)
        for uploads in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in uploads.get("Uploads", []):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    def _delete(self, s3: "S3Client", bucket: str, batch: list[Any]) -> None:
        if not batch:
            return
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        for error in answer.get("Errors", []):
            raise click.ClickException(f"{bucket}/{error.get('Key')} was not deleted: {error.get('Message')}")

    def _delete_snapshots(self, cluster: str, began: datetime) -> None:
        """Delete the final snapshot that CloudFormation has just taken, but no manual snapshot from before."""
        rds = self.session.client("rds")
        pages = rds.get_paginator("describe_db_cluster_snapshots").paginate(
            DBClusterIdentifier=cluster, SnapshotType="manual"
        )
        for page in pages:
            for snapshot in page["DBClusterSnapshots"]:
                if snapshot["SnapshotCreateTime"].astimezone(UTC) >= began - timedelta(minutes=5):
                    name = snapshot["DBClusterSnapshotIdentifier"]
                    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
                    self.say(f"deleted snapshot {name}")

    def _delete_pool(self, name: str) -> None:
        cognito = self.session.client("cognito-idp")
        domain = cognito.describe_user_pool(UserPoolId=name)["UserPool"].get("Domain")
        if domain:
            cognito.delete_user_pool_domain(UserPoolId=name, Domain=domain)
        cognito.delete_user_pool(UserPoolId=name)
        self.say(f"deleted user pool {name}")
