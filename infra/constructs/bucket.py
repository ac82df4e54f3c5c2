"""The bucket of the images: its lifecycle, its notifications, and CloudFront in front of `processed/`."""

from typing import cast

from aws_cdk import Annotations, Duration, Fn, RemovalPolicy
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from infra.settings.schema import Storage as StorageSettings

#: Prefixes that expire after the retention: renditions, and sources of images that ended.
EXPIRING = ("processed/", "originals/", "quarantine/")
#: Prefixes that expire after the retention, 30 days at least: SQS may deliver a message about them for 14 days.
BOOKKEEPING = ("failures/", "aws/lambda/", "batches/", "dispatched/", "accepted/", "refused/")
_BOOKKEEPING_DAYS = 30
_UPLOAD_DAYS = 7  # of a multipart upload that is not completed
_ACCESS_LOG_DAYS = 90


def bucket_name(name: str) -> str:
    """The name, not a reference: functions and queues have it in their settings and are created before the bucket."""
    return Fn.sub(f"{name}-pictures-${{AWS::AccountId}}-${{AWS::Region}}")


def _static_name(scope: Construct, name: str, role: str) -> str:
    """The bucket's name. The context `at`, as `123456789012-eu-west-1`, makes it static.

    CloudFormation imports buckets that an earlier stack kept only by static names:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
    """
    at = scope.node.try_get_context("at")
    return f"{name}-{role}-{at}" if at else Fn.sub(f"{name}-{role}-${{AWS::AccountId}}-${{AWS::Region}}")


def bucket_arn(name: str) -> str:
    """Spelled, as `bucket_name`."""
    return Fn.sub(f"arn:${{AWS::Partition}}:s3:::{name}-pictures-${{AWS::AccountId}}-${{AWS::Region}}")


def _domain(name: str) -> str:
    return Fn.sub(f"{name}-pictures-${{AWS::AccountId}}-${{AWS::Region}}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}")


class ImageBucket(Construct):
    """`bucket`, the bucket of its access logs, and with `storage.cloudfront` a distribution."""

    def __init__(
        self, scope: Construct, name: str, settings: StorageSettings, removal: RemovalPolicy, origins_allowed: list[str]
    ) -> None:
        super().__init__(scope, "Storage")
        self._name, self._settings = name, settings
        logs = s3.Bucket(
            self,
            "AccessLogs",
            bucket_name=_static_name(self, name, "access-logs"),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(_ACCESS_LOG_DAYS))],
            removal_policy=removal,
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            bucket_name=_static_name(self, name, "pictures"),
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=self._lifecycle(),
            cors=[
                s3.CorsRule(
                    allowed_methods=[s3.HttpMethods.POST, s3.HttpMethods.PUT, s3.HttpMethods.GET],
                    allowed_origins=origins_allowed,
                    allowed_headers=["*"],
                    exposed_headers=["ETag"],
                    max_age=3000,
                )
            ]
            if origins_allowed
            else None,
            server_access_logs_bucket=logs,
            server_access_logs_prefix="s3/",
            removal_policy=removal,
        )
        self.distribution = self._distribution(name) if settings.cloudfront else None

    def add_notifications(self, process: str, records: str, overflow: str, permissions: list[IConstruct]) -> None:
        """Notify the function and the queues, given by ARN. S3 tests each, so `permissions` are created before."""
        queues = {"results/": records, "tombstones/": records, "failures/": overflow, "aws/lambda/": overflow}
        bucket = cast("s3.CfnBucket", self.bucket.node.default_child)
        event = "s3:ObjectCreated:*"

        def under(prefix: str) -> s3.CfnBucket.NotificationFilterProperty:
            rule = s3.CfnBucket.FilterRuleProperty(name="prefix", value=prefix)
            return s3.CfnBucket.NotificationFilterProperty(s3_key=s3.CfnBucket.S3KeyFilterProperty(rules=[rule]))

        bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            lambda_configurations=[
                s3.CfnBucket.LambdaConfigurationProperty(event=event, function=process, filter=under("incoming/"))
            ],
            queue_configurations=[
                s3.CfnBucket.QueueConfigurationProperty(event=event, queue=queue, filter=under(prefix))
                for prefix, queue in queues.items()
            ],
        )
        for permission in permissions:
            bucket.node.add_dependency(permission)

    @property
    def public_base_url(self) -> str:
        """The beginning of stored URLs: CloudFront, `storage.public_base_url`, or the bucket itself."""
        if self.distribution:
            return f"https://{self.distribution.distribution_domain_name}"
        return self._settings.public_base_url or f"https://{_domain(self._name)}"

    def _lifecycle(self) -> list[s3.LifecycleRule]:
        retention = Duration.days(self._settings.retention_days)
        bookkeeping = Duration.days(max(self._settings.retention_days, _BOOKKEEPING_DAYS))
        return [
            *(s3.LifecycleRule(id=f"expire-{prefix}", prefix=prefix, expiration=retention) for prefix in EXPIRING),
            *(s3.LifecycleRule(id=f"expire-{prefix}", prefix=prefix, expiration=bookkeeping) for prefix in BOOKKEEPING),
            s3.LifecycleRule(
                id="what-was-replaced-or-deleted",
                noncurrent_version_expiration=retention,
                abort_incomplete_multipart_upload_after=Duration.days(_UPLOAD_DAYS),
            ),
            s3.LifecycleRule(id="markers-of-nothing", expired_object_delete_marker=True),
        ]

    def _distribution(self, name: str) -> cloudfront.Distribution:
        """Serves `processed/`, without listing. Keys carry the content's hash, so a cached object is never stale.

        CACHING_OPTIMIZED caches for 24 hours: an erased image may be served for as long.
        """
        named = s3.Bucket.from_bucket_attributes(
            self,
            "Named",
            bucket_name=bucket_name(name),
            bucket_regional_domain_name=_domain(name),
        )
        Annotations.of(self).acknowledge_warning(
            "@aws-cdk/aws-cloudfront-origins:updateImportedBucketPolicyOac", "The statement is added below."
        )
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"{name}: processed pictures",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(named),
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                response_headers_policy=cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS,
            ),
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
        )
        arn = Fn.sub(
            "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Id}",
            {"Id": distribution.distribution_id},
        )
        self.bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudfront.amazonaws.com")],
                actions=["s3:GetObject"],
                resources=[f"{bucket_arn(name)}/processed/*"],
                conditions={"StringEquals": {"AWS:SourceArn": arn}},
            )
        )
        return distribution
