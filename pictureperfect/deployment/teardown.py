"""Taking a deployment down. What is data stays: the buckets, a snapshot of the database, the pool of users.

To delete those too is asked for by name; it is done last, when nothing is left that could write to them.
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

Say = Callable[[str], object]
#: Aurora's snapshots, in dollars a GB and month: https://aws.amazon.com/rds/aurora/pricing/
SNAPSHOT_GB_MONTH = 0.021
_GB = 1024**3
_LOOK_SECONDS = 5.0
_PAGE = 1000  # objects that S3 deletes at once
_ENDED = "DELETE_COMPLETE"


@dataclass(frozen=True)
class Data:
    """What of a stack is data, by the names that AWS gave it."""

    buckets: tuple[str, ...]
    clusters: tuple[str, ...]
    user_pools: tuple[str, ...]


@dataclass
class Destroying:
    """One stack, to be taken down. `sleep` is between two looks at how far CloudFormation is."""

    session: "boto3.Session"
    stack: str
    say: Say
    sleep: Callable[[float], None] = time.sleep

    def data(self) -> Data | None:
        """What is data of it; None where there is no such stack."""
        client = self.session.client("cloudformation")
        with aws_session.explained():
            if aws_session.describe(client, self.stack) is None:
                return None
            pages = client.get_paginator("list_stack_resources").paginate(StackName=self.stack)
            resources = [resource for page in pages for resource in page["StackResourceSummaries"]]

        def of(kind: str) -> tuple[str, ...]:
            return tuple(
                resource["PhysicalResourceId"]
                for resource in resources
                if resource["ResourceType"] == kind and resource.get("PhysicalResourceId")
            )

        return Data(of("AWS::S3::Bucket"), of("AWS::RDS::DBCluster"), of("AWS::Cognito::UserPool"))

    def told(self, data: Data, *, delete: bool) -> str:
        """What will be gone, what stays, and what that costs."""
        price = prices.load()
        lines = [f"The stack {self.stack} in {self.session.region_name} will be taken down: nothing is processed then."]
        verb = "deleted, with every version of every object:" if delete else "stays:"
        for name in data.buckets:
            size = self._bytes(name)
            worth = (
                "its size is not known yet"
                if size is None
                else f"{size / _GB:.2f} GB, ${size / _GB * price.s3.gb_month:.2f} a month"
            )
            lines.append(f"bucket {name} {verb} {worth} (${price.s3.gb_month} a GB)")
        after = (
            "is deleted, with its backups"
            if delete
            else f"is deleted; a last snapshot of it stays, ${SNAPSHOT_GB_MONTH} a GB and month"
        )
        lines += [f"database {name} {after}" for name in data.clusters]
        lines += [
            f"user pool {name} {'is deleted, with its users' if delete else 'stays, and costs nothing'}"
            for name in data.user_pools
        ]
        lines.append(
            f"The pushed images stay in CDK's own repository ({price.date}: $0.10 a GB and month); see `cdk gc`."
        )
        return "\n".join(lines)

    def run(self, data: Data, *, delete: bool) -> None:
        """Take it down; with `delete` its data too. Raises ClickException with what CloudFormation complains of."""
        began = datetime.now(UTC)
        rds = self.session.client("rds")
        with aws_session.explained():
            for name in data.clusters:
                rds.modify_db_cluster(DBClusterIdentifier=name, DeletionProtection=False, ApplyImmediately=True)
            self._take_down()
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

    def _take_down(self) -> None:
        client = self.session.client("cloudformation")
        found = aws_session.describe(client, self.stack)
        if found is None:
            return
        identity = found["StackId"]  # by its name, it cannot be asked for once it is gone
        since = datetime.now(UTC) - timedelta(seconds=1)
        client.delete_stack(StackName=self.stack)
        told: set[str] = set()
        while True:
            status = client.describe_stacks(StackName=identity)["Stacks"][0]["StackStatus"]
            failed = list(self._tell(client, identity, since, told))
            if status == _ENDED:
                return
            if status.endswith("_FAILED"):
                why = "; ".join(failed) or "it does not say why"
                raise click.ClickException(
                    f"CloudFormation could not take {self.stack} down: {why}. Mend that, and do the same again; "
                    "no data was deleted."
                )
            self.sleep(_LOOK_SECONDS)

    def _tell(self, client: "CloudFormationClient", identity: str, since: datetime, told: set[str]) -> Iterator[str]:
        """Say what has happened since; gives those that failed."""
        pages = client.get_paginator("describe_stack_events").paginate(StackName=identity)
        events = [event for page in pages for event in page["StackEvents"] if event["Timestamp"] >= since]
        for event in reversed(events):
            failed = event.get("ResourceStatus", "") == "DELETE_FAILED"
            name, reason = event.get("LogicalResourceId", ""), event.get("ResourceStatusReason", "")
            if failed:
                yield f"{name}: {reason}"
            if event["EventId"] not in told:
                told.add(event["EventId"])
                self.say(f"{event.get('ResourceStatus', '')} {event.get('ResourceType', '')} {name} {reason}".rstrip())

    def _bytes(self, bucket: str) -> int | None:
        """As CloudWatch measured it, once a day; None where it has not yet."""
        now = datetime.now(UTC)
        with aws_session.explained():
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
        """Every version and every marker; multipart uploads that nobody went on with too."""
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
        """The last one, which CloudFormation took just now; what a person took before is that person's."""
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
