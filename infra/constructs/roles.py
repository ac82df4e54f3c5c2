"""Every permission: the statements of each function's role and of the Batch job's. Nothing is granted elsewhere."""

from aws_cdk import Fn
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.bucket import bucket_arn
from infra.settings.schema import Settings

#: Keys of the sources of images; each is read by the version that was accepted.
_SOURCES = ("incoming/*", "originals/*")


def allow(actions: list[str], *resources: str, **conditions: dict[str, list[str]]) -> iam.PolicyStatement:
    """An allowing statement. Each keyword is a condition operator of IAM: `StringLike={key: values}`."""
    return iam.PolicyStatement(actions=actions, resources=list(resources), conditions=conditions or None)


class BucketStatements:
    """Statements on the bucket of the deployment `name`."""

    def __init__(self, name: str) -> None:
        self._arn = bucket_arn(name)

    def list_objects(self, *actions: str) -> iam.PolicyStatement:
        """`s3:ListBucket` and `actions`. Without it S3 answers 403 instead of 404 for a missing object."""
        return allow(["s3:ListBucket", *actions], self._arn)

    def list_versions(self, *prefixes: str) -> iam.PolicyStatement:
        """List the versions under `prefixes`: roles delete specific versions only, so that no delete marker is left."""
        return allow(["s3:ListBucketVersions"], self._arn, StringLike={"s3:prefix": list(prefixes)})

    def objects(self, actions: list[str], *prefixes: str) -> iam.PolicyStatement:
        """`actions` without `s3:`, on keys that match `prefixes`, as `results/*`."""
        return allow([f"s3:{action}" for action in actions], *(f"{self._arn}/{prefix}" for prefix in prefixes))


def read_references(settings: Settings) -> list[iam.PolicyStatement]:
    """Read the prefixes of REFERENCES, which events may refer to besides the customer's own."""
    prefixes = settings.processing.environment.get("REFERENCES", "").split()
    locations = [prefix.removeprefix("s3://").replace("{customer}", "*") for prefix in prefixes]
    if not locations:
        return []
    buckets = sorted({location.split("/", 1)[0] for location in locations})
    object_arns = [Fn.sub(f"arn:${{AWS::Partition}}:s3:::{location}*") for location in locations]
    bucket_arns = [Fn.sub(f"arn:${{AWS::Partition}}:s3:::{bucket}") for bucket in buckets]
    return [allow(["s3:GetObject", "s3:GetObjectVersion"], *object_arns), allow(["s3:ListBucket"], *bucket_arns)]


def process_images(settings: Settings, records: str, overflow: str) -> list[iam.PolicyStatement]:
    """Process an image and commit its result, on either route. Queues are given by ARN, here and below."""
    bucket = BucketStatements(settings.name)
    return [
        bucket.list_objects(),
        bucket.objects(["GetObject", "GetObjectVersion"], *_SOURCES),
        bucket.objects(["GetObject"], "results/*"),
        bucket.objects(["PutObject"], "processed/*", "results/*"),
        *read_references(settings),
        allow(["sqs:SendMessage"], records, overflow),
    ]


def process(settings: Settings, records: str, overflow: str) -> list[iam.PolicyStatement]:
    """The role of `process`, which also stages inline bytes under incoming/. Lambda writes failed events by it too."""
    bucket = BucketStatements(settings.name)
    kafka = settings.kafka.kind != "none"
    return [
        *process_images(settings, records, overflow),
        bucket.objects(["PutObject"], "incoming/*", "aws/lambda/*"),
        bucket.objects(["GetObject", "PutObject"], "refused/*", *(["accepted/*"] if kafka else [])),
    ]


def job(settings: Settings, records: str, overflow: str) -> list[iam.PolicyStatement]:
    bucket = BucketStatements(settings.name)
    return [
        *process_images(settings, records, overflow),
        bucket.objects(["GetObject"], "batches/*"),
        bucket.objects(["PutObject"], "dispatched/*"),
    ]


def dispatch(
    settings: Settings, records: str, overflow: str, job_queue: str, definitions: list[str]
) -> list[iam.PolicyStatement]:
    bucket = BucketStatements(settings.name)
    read_and_written = ("results/*", "refused/*", "accepted/*", "batches/*", "dispatched/*")
    return [
        bucket.list_objects(),
        bucket.objects(["GetObject", "GetObjectVersion"], *_SOURCES),
        bucket.objects(["GetObject"], "failures/*", "aws/lambda/*"),
        bucket.objects(["PutObject"], "incoming/*"),
        bucket.objects(["GetObject", "PutObject"], *read_and_written),
        *read_references(settings),
        allow(["batch:SubmitJob"], job_queue, *definitions),
        allow(["batch:ListJobs"], "*"),  # this action has no resource
        allow(["sqs:SendMessage"], records),
        read_queue(overflow),
    ]


def record(settings: Settings, records: str) -> list[iam.PolicyStatement]:
    return [*_record_results(settings), read_queue(records)]


def admin(settings: Settings) -> list[iam.PolicyStatement]:
    bucket = BucketStatements(settings.name)
    return [
        *_record_results(settings),
        bucket.objects(["PutObject"], "failures/reconciled/*", "results/*"),
        bucket.objects(["GetObject", "PutObject"], "refused/incoming/*"),
        bucket.objects(["GetObject", "PutObject", "DeleteObjectVersion"], "reconciler/after"),
        bucket.list_versions("reconciler/after"),
    ]


def web(settings: Settings) -> list[iam.PolicyStatement]:
    """A presigned request has the permissions of the role that signed it, so these include those of browsers."""
    bucket = BucketStatements(settings.name)
    return [
        bucket.list_objects("s3:ListBucketMultipartUploads"),
        bucket.objects(["GetObject"], "processed/*", "originals/*", "results/*"),
        bucket.objects(["PutObject", "AbortMultipartUpload", "ListMultipartUploadParts"], "incoming/*"),
        bucket.objects(["PutObject"], "tombstones/*"),
    ]


def read_queue(queue: str) -> iam.PolicyStatement:
    """Read a queue as an event source mapping does."""
    return allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue)


def write_log(log_group_arn: str) -> iam.PolicyStatement:
    """`log_group_arn` is CloudFormation's, which ends in `:*` for the group's streams."""
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], log_group_arn)


def vpc_access(function: str) -> list[iam.PolicyStatement]:
    """Let Lambda manage network interfaces for `function`, a name; and deny the same to the function's own code.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
    """
    actions = [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    ]
    arn = Fn.sub(f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{function}")
    deny = iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=actions,
        resources=["*"],
        conditions={"ArnEquals": {"lambda:SourceFunctionArn": [arn]}},
    )
    return [allow(actions, "*"), deny]


def role(
    scope: Construct, name: str, service: str, statements: list[iam.PolicyStatement], description: str
) -> iam.Role:
    """A role with one inline policy. `service` assumes it, as `lambda.amazonaws.com`."""
    return iam.Role(
        scope,
        name,
        assumed_by=iam.ServicePrincipal(service),
        description=description,
        inline_policies={"own": iam.PolicyDocument(statements=statements, minimize=False)},
    )


def _record_results(settings: Settings) -> list[iam.PolicyStatement]:
    """Move sources out of incoming/ with their tags; delete versions of moved sources and of erased images."""
    bucket = BucketStatements(settings.name)
    archives = ("originals/*", "quarantine/*")
    deletable = ("incoming/*", "processed/*", *archives, "failures/reconciled/*", "dispatched/*")
    return [
        bucket.list_objects(),
        bucket.list_versions(*deletable),
        bucket.objects(["GetObject"], "incoming/*", "results/*", "tombstones/*"),
        bucket.objects(["GetObjectVersion", "GetObjectVersionTagging"], "incoming/*"),
        bucket.objects(["PutObject", "PutObjectTagging"], *archives),
        bucket.objects(["DeleteObjectVersion"], *deletable),
    ]
