"""The bucket: the bus and the truth. Its lifecycle is the retention; its notifications are the messages."""

from typing import cast

from aws_cdk import Annotations, Duration, Fn, RemovalPolicy
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from infra.settings import Storage as StorageSettings

#: What ends with the retention: outputs and sources, the sources of failed images too.
EXPIRING = ("processed/", "originals/", "quarantine/")
#: What the ways to Batch wrote down: needed for as long as a message of it may come again, 14 days, and to look at.
BOOKKEEPING = ("failures/", "aws/lambda/", "batches/", "dispatched/", "accepted/", "refused/")
_BOOKKEEPING_DAYS = 30
_UPLOAD_DAYS = 7  # a multipart upload that nobody goes on with
_ACCESS_LOG_DAYS = 90


def bucket_name(name: str) -> str:
    """Known before the bucket is there, so that what reads it can be made before it: its notifications need them."""
    return Fn.sub(f"{name}-pictures-${{AWS::AccountId}}-${{AWS::Region}}")


def _own_name(scope: Construct, name: str, what: str) -> str:
    """Written out where CDK's context says `at`, the account and region as `123456789012-eu-west-1`.

    Only so can a stack take over the buckets that an earlier one kept:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
    """
    at = scope.node.try_get_context("at")
    return f"{name}-{what}-{at}" if at else Fn.sub(f"{name}-{what}-${{AWS::AccountId}}-${{AWS::Region}}")


def bucket_arn(name: str) -> str:
    return Fn.sub(f"arn:${{AWS::Partition}}:s3:::{name}-pictures-${{AWS::AccountId}}-${{AWS::Region}}")


def _domain(name: str) -> str:
    return Fn.sub(f"{name}-pictures-${{AWS::AccountId}}-${{AWS::Region}}.s3.${{AWS::Region}}.${{AWS::URLSuffix}}")


class Storage(Construct):
    """`bucket`, and `public_base_url` where CloudFront serves what is processed."""

    def __init__(
        self, scope: Construct, name: str, settings: StorageSettings, removal: RemovalPolicy, origins_allowed: list[str]
    ) -> None:
        super().__init__(scope, "Storage")
        self._name, self._settings = name, settings
        logs = s3.Bucket(
            self,
            "AccessLogs",
            bucket_name=_own_name(self, name, "access-logs"),
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
            bucket_name=_own_name(self, name, "pictures"),
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

    def tell(self, process: str, records: str, overflow: str, after: list[IConstruct]) -> None:
        """The notifications, by ARN. S3 tries each when they are set, so who may be told comes first: `after`."""
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
        for one in after:
            bucket.node.add_dependency(one)

    @property
    def public_base_url(self) -> str:
        """What stored URLs begin with."""
        if self.distribution:
            return f"https://{self.distribution.distribution_domain_name}"
        return self._settings.public_base_url or f"https://{_domain(self._name)}"

    def _lifecycle(self) -> list[s3.LifecycleRule]:
        kept = Duration.days(self._settings.retention_days)
        books = Duration.days(max(self._settings.retention_days, _BOOKKEEPING_DAYS))
        return [
            *(s3.LifecycleRule(id=f"expire-{prefix}", prefix=prefix, expiration=kept) for prefix in EXPIRING),
            *(s3.LifecycleRule(id=f"expire-{prefix}", prefix=prefix, expiration=books) for prefix in BOOKKEEPING),
            s3.LifecycleRule(
                id="what-was-replaced-or-deleted",
                noncurrent_version_expiration=kept,
                abort_incomplete_multipart_upload_after=Duration.days(_UPLOAD_DAYS),
            ),
            s3.LifecycleRule(id="markers-of-nothing", expired_object_delete_marker=True),
        ]

    def _distribution(self, name: str) -> cloudfront.Distribution:
        """For `processed/` alone, and no list of it. A name carries its hash, so that what an edge keeps is never old.

        It keeps it for 24 hours at most, the default of CACHING_OPTIMIZED where an object says nothing of its own: as
        long as an erased picture may still be served.
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
