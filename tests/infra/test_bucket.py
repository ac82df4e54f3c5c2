"""The bucket: private, TLS only, versioned; its lifecycle and its notifications."""

from typing import Any

import pytest

from core.domain import object_keys
from infra.constructs.bucket import BOOKKEEPING, EXPIRING
from localcloud.lambda_.sandbox_process import ROOT
from tests.infra.conftest import Synthesize
from tests.infra.stack import ACCOUNT, REGION, Stack, statements

PICTURES = f"picture-perfect-pictures-{ACCOUNT}-{REGION}"
NEVER = (object_keys.INCOMING, object_keys.RESULTS, object_keys.TOMBSTONES)
CREATED = "s3:ObjectCreated:*"


@pytest.fixture(scope="module")
def bucket(shipped: Stack) -> dict[str, Any]:
    return shipped.only("S3::Bucket", BucketName=PICTURES)


def rules(stack: Stack) -> list[dict[str, Any]]:
    (pictures,) = (
        properties
        for properties in stack.properties_of("S3::Bucket").values()
        if "-pictures-" in properties["BucketName"]
    )
    result: list[dict[str, Any]] = pictures["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in result)
    return result


def test_no_bucket_is_public(shipped: Stack, other: Stack) -> None:
    for stack in (shipped, other):
        for properties in stack.properties_of("S3::Bucket").values():
            assert properties["PublicAccessBlockConfiguration"] == {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            }
            assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
            assert properties["BucketEncryption"]
        for policy in stack.properties_of("S3::BucketPolicy").values():
            allowed = [
                statement for statement in statements(policy["PolicyDocument"]) if statement["Effect"] == "Allow"
            ]
            assert all(set(statement["Principal"]) == {"Service"} and statement["Condition"] for statement in allowed)


def test_every_bucket_is_for_tls_only(shipped: Stack) -> None:
    buckets = set(shipped.properties_of("S3::Bucket"))
    denied = {
        policy["Bucket"].strip("<>")
        for policy in shipped.properties_of("S3::BucketPolicy").values()
        for statement in statements(policy["PolicyDocument"])
        if statement["Effect"] == "Deny"
        and statement["Action"] == ["s3:*"]
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and len(statement["Resource"]) == 2
    }
    assert denied == buckets


def test_the_pictures_are_versioned_and_their_readers_logged(bucket: dict[str, Any]) -> None:
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["LoggingConfiguration"]


def test_renditions_and_ended_sources_are_kept_for_the_retention(synthesize: Synthesize) -> None:
    stack = synthesize("[storage]\nretention_days = 7")
    days = {rule["Prefix"]: rule.get("ExpirationInDays") for rule in rules(stack) if "Prefix" in rule}
    assert days == dict.fromkeys(EXPIRING, 7) | dict.fromkeys(BOOKKEEPING, 30)
    assert {object_keys.PROCESSED, object_keys.ORIGINALS, object_keys.QUARANTINE} == set(EXPIRING)
    assert stack.environment("admin")["RETENTION_DAYS"] == "7", "the ledger's URLs expire with the objects"


def test_incoming_results_and_tombstones_never_expire(shipped: Stack) -> None:
    for rule in rules(shipped):
        assert "Prefix" in rule or not {"ExpirationInDays", "ExpirationDate"} & set(rule)
        assert not any(str(rule.get("Prefix", "-")).startswith(prefix) for prefix in NEVER)
        assert not any(prefix.startswith(str(rule.get("Prefix", "-"))) for prefix in NEVER)


def test_old_versions_and_unfinished_uploads_are_deleted(shipped: Stack) -> None:
    (everywhere,) = (rule for rule in rules(shipped) if "NoncurrentVersionExpiration" in rule)
    assert "Prefix" not in everywhere
    assert everywhere["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert everywhere["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert any(rule.get("ExpiredObjectDeleteMarker") for rule in rules(shipped))


def test_each_prefix_notifies_its_function_or_queue(shipped: Stack, bucket: dict[str, Any]) -> None:
    process = shipped.arn("Lambda::Function", Description="handler.process.handle")
    records = shipped.arn("SQS::Queue", QueueName="picture-perfect-records")
    overflow = shipped.arn("SQS::Queue", QueueName="picture-perfect-overflow")
    notifications = bucket["NotificationConfiguration"]
    assert {
        (properties["Event"], prefix(properties), properties["Function"])
        for properties in notifications["LambdaConfigurations"]
    } == {(CREATED, object_keys.INCOMING, process)}
    assert {
        (properties["Event"], prefix(properties), properties["Queue"])
        for properties in notifications["QueueConfigurations"]
    } == {
        (CREATED, object_keys.RESULTS, records),
        (CREATED, object_keys.TOMBSTONES, records),
        (CREATED, object_keys.FAILURES, overflow),
        (CREATED, object_keys.AWS_FAILURES, overflow),
    }


def prefix(notification: dict[str, Any]) -> str:
    (rule,) = notification["Filter"]["S3Key"]["Rules"]
    assert rule["Name"] == "prefix"
    return str(rule["Value"])


def test_the_bucket_may_invoke_the_function_before_its_notification_is_set(shipped: Stack) -> None:
    """S3 tests the target when a notification is set, and CloudFormation sets it with the bucket."""
    name = shipped.logical_id("S3::Bucket", BucketName=PICTURES)
    before = shipped.resources[name]["DependsOn"]
    permission = shipped.only("Lambda::Permission", Principal="s3.amazonaws.com")
    assert permission["Action"] == "lambda:InvokeFunction"
    assert permission["FunctionName"] == shipped.arn("Lambda::Function", Description="handler.process.handle")
    assert permission["SourceArn"] == f"arn:aws:s3:::{PICTURES}"
    assert permission["SourceAccount"] == ACCOUNT
    assert shipped.logical_id("Lambda::Permission", Principal="s3.amazonaws.com") in before


def test_the_bucket_may_send_to_both_queues_before_its_notifications_are_set(shipped: Stack) -> None:
    before = shipped.resources[shipped.logical_id("S3::Bucket", BucketName=PICTURES)]["DependsOn"]
    allowed = {
        (statement["Resource"][0], name)
        for name, policy in shipped.properties_of("SQS::QueuePolicy").items()
        for statement in statements(policy["PolicyDocument"])
        if statement["Principal"] == {"Service": "s3.amazonaws.com"}
        and statement["Action"] == ["sqs:SendMessage"]
        and statement["Condition"]
        == {
            "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{PICTURES}"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        }
    }
    queues = {shipped.arn("SQS::Queue", QueueName=f"picture-perfect-{name}") for name in ("records", "overflow")}
    assert {queue for queue, _ in allowed} == queues
    assert {policy for _, policy in allowed} <= set(before)


def test_browsers_may_upload_from_the_page_and_the_pages_that_are_named(shipped: Stack, other: Stack) -> None:
    def origins(stack: Stack) -> list[str]:
        (pictures,) = (
            properties
            for properties in stack.properties_of("S3::Bucket").values()
            if "-pictures-" in properties["BucketName"]
        )
        (rule,) = pictures["CorsConfiguration"]["CorsRules"]
        result: list[str] = rule["AllowedOrigins"]
        return result

    page = f"<{shipped.logical_id('ApiGatewayV2::Api')}.ApiEndpoint>"
    assert origins(shipped) == [page]
    assert origins(other) == ["https://app.example.com", page]


def test_data_outlives_the_stack_by_default(shipped: Stack) -> None:
    for kind in ("S3::Bucket", "Cognito::UserPool"):
        for name in shipped.properties_of(kind):
            assert shipped.resources[name]["DeletionPolicy"] == "Retain"
    assert shipped.resources[shipped.logical_id("RDS::DBCluster")]["DeletionPolicy"] == "Snapshot"


def test_cloudfront_serves_processed_objects_only(other: Stack) -> None:
    distribution = other.only("CloudFront::Distribution")["DistributionConfig"]
    (origin,) = distribution["Origins"]
    access = other.only("CloudFront::OriginAccessControl")["OriginAccessControlConfig"]
    assert access["SigningBehavior"] == "always"
    assert origin["OriginAccessControlId"]
    assert origin["DomainName"] == f"company-images-pictures-{ACCOUNT}-{REGION}.s3.{REGION}.amazonaws.com"
    assert distribution["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
    pictures = f"arn:aws:s3:::company-images-pictures-{ACCOUNT}-{REGION}"
    name = other.logical_id("CloudFront::Distribution")
    assert [
        (statement["Action"], statement["Resource"], statement["Condition"])
        for policy in other.properties_of("S3::BucketPolicy").values()
        for statement in statements(policy["PolicyDocument"])
        if statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    ] == [
        (
            ["s3:GetObject"],
            [f"{pictures}/processed/*"],
            {"StringEquals": {"AWS:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/<{name}>"}},
        )
    ]
    base = other.environment("process")["PUBLIC_BASE_URL"]
    assert base == f"https://<{name}.DomainName>"


def test_the_docs_list_where_an_erasure_does_not_reach() -> None:
    """Each expiring prefix is either erased with the image, or in the table of what an erasure leaves."""
    section = (
        (ROOT / "docs" / "explanation" / "architecture.md")
        .read_text("utf-8")
        .partition("## What an erasure removes")[2]
    )
    own = object_keys.erasable_prefixes("acme", "i")
    for prefix in (*EXPIRING, *BOOKKEEPING, object_keys.RESULTS):
        assert f"`{prefix}" in section or any(place.startswith(prefix) for place in own), prefix
