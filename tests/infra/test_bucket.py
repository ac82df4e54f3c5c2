"""The bucket: private, TLS only, versioned; what ends, what never does, and who is told of what."""

from typing import Any

import pytest

from core.domain import object_keys
from infra.storage import BOOKKEEPING, EXPIRING
from localcloud.lambda_.sandbox_process import ROOT
from tests.infra.conftest import Synthesize
from tests.infra.stack import ACCOUNT, REGION, Stack, statements

PICTURES = f"picture-perfect-pictures-{ACCOUNT}-{REGION}"
NEVER = (object_keys.INCOMING, object_keys.RESULTS, object_keys.TOMBSTONES)
CREATED = "s3:ObjectCreated:*"


@pytest.fixture(scope="module")
def bucket(shipped: Stack) -> dict[str, Any]:
    return shipped.one("S3::Bucket", BucketName=PICTURES)


def rules(stack: Stack) -> list[dict[str, Any]]:
    (pictures,) = (one for one in stack.of("S3::Bucket").values() if "-pictures-" in one["BucketName"])
    found: list[dict[str, Any]] = pictures["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in found)
    return found


def test_no_bucket_is_public(shipped: Stack, other: Stack) -> None:
    for stack in (shipped, other):
        for one in stack.of("S3::Bucket").values():
            assert one["PublicAccessBlockConfiguration"] == {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            }
            assert one["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
            assert one["BucketEncryption"]
        for policy in stack.of("S3::BucketPolicy").values():
            allowed = [said for said in statements(policy["PolicyDocument"]) if said["Effect"] == "Allow"]
            assert all(set(said["Principal"]) == {"Service"} and said["Condition"] for said in allowed)


def test_every_bucket_is_for_tls_only(shipped: Stack) -> None:
    buckets = set(shipped.of("S3::Bucket"))
    denied = {
        policy["Bucket"].strip("<>")
        for policy in shipped.of("S3::BucketPolicy").values()
        for said in statements(policy["PolicyDocument"])
        if said["Effect"] == "Deny"
        and said["Action"] == ["s3:*"]
        and said["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and len(said["Resource"]) == 2
    }
    assert denied == buckets


def test_the_pictures_are_versioned_and_their_readers_logged(bucket: dict[str, Any]) -> None:
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["LoggingConfiguration"]


def test_what_has_ended_is_kept_for_the_retention(synthesize: Synthesize) -> None:
    stack = synthesize("[storage]\nretention_days = 7")
    days = {rule["Prefix"]: rule.get("ExpirationInDays") for rule in rules(stack) if "Prefix" in rule}
    assert days == dict.fromkeys(EXPIRING, 7) | dict.fromkeys(BOOKKEEPING, 30)
    assert {object_keys.PROCESSED, object_keys.ORIGINALS, object_keys.QUARANTINE} == set(EXPIRING)
    assert stack.environment("admin")["RETENTION_DAYS"] == "7", "The ledger's addresses end when the objects do."


def test_what_is_to_do_what_was_committed_and_what_is_deleted_never_expire(shipped: Stack) -> None:
    for rule in rules(shipped):
        assert "Prefix" in rule or not {"ExpirationInDays", "ExpirationDate"} & set(rule)
        assert not any(str(rule.get("Prefix", "-")).startswith(prefix) for prefix in NEVER)
        assert not any(prefix.startswith(str(rule.get("Prefix", "-"))) for prefix in NEVER)


def test_what_was_replaced_and_what_was_never_finished_is_cleaned(shipped: Stack) -> None:
    (everywhere,) = (rule for rule in rules(shipped) if "NoncurrentVersionExpiration" in rule)
    assert "Prefix" not in everywhere
    assert everywhere["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert everywhere["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert any(rule.get("ExpiredObjectDeleteMarker") for rule in rules(shipped))


def test_each_prefix_tells_whom_it_concerns(shipped: Stack, bucket: dict[str, Any]) -> None:
    process = shipped.arn("Lambda::Function", Description="handler.process.handle")
    records = shipped.arn("SQS::Queue", QueueName="picture-perfect-records")
    overflow = shipped.arn("SQS::Queue", QueueName="picture-perfect-overflow")
    told = bucket["NotificationConfiguration"]
    assert {(one["Event"], prefix(one), one["Function"]) for one in told["LambdaConfigurations"]} == {
        (CREATED, object_keys.INCOMING, process)
    }
    assert {(one["Event"], prefix(one), one["Queue"]) for one in told["QueueConfigurations"]} == {
        (CREATED, object_keys.RESULTS, records),
        (CREATED, object_keys.TOMBSTONES, records),
        (CREATED, object_keys.FAILURES, overflow),
        (CREATED, object_keys.AWS_FAILURES, overflow),
    }


def prefix(notification: dict[str, Any]) -> str:
    (rule,) = notification["Filter"]["S3Key"]["Rules"]
    assert rule["Name"] == "prefix"
    return str(rule["Value"])


def test_the_bucket_may_invoke_the_function_before_it_is_told_to(shipped: Stack) -> None:
    """S3 tries a notification's target when the notification is set, and CloudFormation sets it with the bucket."""
    name = shipped.logical("S3::Bucket", BucketName=PICTURES)
    before = shipped.resources[name]["DependsOn"]
    permission = shipped.one("Lambda::Permission", Principal="s3.amazonaws.com")
    assert permission["Action"] == "lambda:InvokeFunction"
    assert permission["FunctionName"] == shipped.arn("Lambda::Function", Description="handler.process.handle")
    assert permission["SourceArn"] == f"arn:aws:s3:::{PICTURES}"
    assert permission["SourceAccount"] == ACCOUNT
    assert shipped.logical("Lambda::Permission", Principal="s3.amazonaws.com") in before


def test_the_bucket_may_send_to_both_queues_before_it_is_told_to(shipped: Stack) -> None:
    before = shipped.resources[shipped.logical("S3::Bucket", BucketName=PICTURES)]["DependsOn"]
    let_in = {
        (said["Resource"][0], name)
        for name, policy in shipped.of("SQS::QueuePolicy").items()
        for said in statements(policy["PolicyDocument"])
        if said["Principal"] == {"Service": "s3.amazonaws.com"}
        and said["Action"] == ["sqs:SendMessage"]
        and said["Condition"]
        == {
            "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{PICTURES}"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        }
    }
    queues = {shipped.arn("SQS::Queue", QueueName=f"picture-perfect-{name}") for name in ("records", "overflow")}
    assert {queue for queue, _ in let_in} == queues
    assert {policy for _, policy in let_in} <= set(before)


def test_browsers_may_upload_from_the_page_and_the_pages_that_are_named(shipped: Stack, other: Stack) -> None:
    def origins(stack: Stack) -> list[str]:
        (pictures,) = (one for one in stack.of("S3::Bucket").values() if "-pictures-" in one["BucketName"])
        (rule,) = pictures["CorsConfiguration"]["CorsRules"]
        found: list[str] = rule["AllowedOrigins"]
        return found

    page = f"<{shipped.logical('ApiGatewayV2::Api')}.ApiEndpoint>"
    assert origins(shipped) == [page]
    assert origins(other) == ["https://app.example.com", page]


def test_data_outlive_the_stack_unless_somebody_says_otherwise(shipped: Stack) -> None:
    for kind in ("S3::Bucket", "Cognito::UserPool"):
        for name in shipped.of(kind):
            assert shipped.resources[name]["DeletionPolicy"] == "Retain"
    assert shipped.resources[shipped.logical("RDS::DBCluster")]["DeletionPolicy"] == "Snapshot"


def test_cloudfront_serves_what_is_processed_and_nothing_else(other: Stack) -> None:
    distribution = other.one("CloudFront::Distribution")["DistributionConfig"]
    (origin,) = distribution["Origins"]
    access = other.one("CloudFront::OriginAccessControl")["OriginAccessControlConfig"]
    assert access["SigningBehavior"] == "always"
    assert origin["OriginAccessControlId"]
    assert origin["DomainName"] == f"company-images-pictures-{ACCOUNT}-{REGION}.s3.{REGION}.amazonaws.com"
    assert distribution["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
    pictures = f"arn:aws:s3:::company-images-pictures-{ACCOUNT}-{REGION}"
    name = other.logical("CloudFront::Distribution")
    assert [
        (said["Action"], said["Resource"], said["Condition"])
        for policy in other.of("S3::BucketPolicy").values()
        for said in statements(policy["PolicyDocument"])
        if said["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    ] == [
        (
            ["s3:GetObject"],
            [f"{pictures}/processed/*"],
            {"StringEquals": {"AWS:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/<{name}>"}},
        )
    ]
    base = other.environment("process")["PUBLIC_BASE_URL"]
    assert base == f"https://<{name}.DomainName>"


def test_where_an_erasure_does_not_reach_is_told() -> None:
    """Everything in the bucket is an image's own, or holds nothing of it, or stands in the table of what stays."""
    section = (
        (ROOT / "docs" / "explanation" / "architecture.md")
        .read_text("utf-8")
        .partition("## What an erasure removes")[2]
    )
    own = object_keys.erasable_prefixes("acme", "i")
    for prefix in (*EXPIRING, *BOOKKEEPING, object_keys.RESULTS):
        assert f"`{prefix}" in section or any(place.startswith(prefix) for place in own), prefix
