"""Who may do what. One role for each function and one for the Batch job; nothing is granted elsewhere."""

from aws_cdk import Fn
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.settings import Settings
from infra.storage import bucket_arn

#: Where images lie that are to be worked on: by the version that they had when they were accepted.
_SOURCES = ("incoming/*", "originals/*")


def allow(actions: list[str], *resources: str, **conditions: dict[str, list[str]]) -> iam.PolicyStatement:
    """Conditions are operators of IAM: `StringLike={…}`."""
    return iam.PolicyStatement(actions=actions, resources=list(resources), conditions=conditions or None)


class Bucket:
    """Statements on the one bucket."""

    def __init__(self, name: str) -> None:
        self._arn = bucket_arn(name)

    def listing(self, *actions: str) -> iam.PolicyStatement:
        """Without `s3:ListBucket`, S3 says 403 of what is not there, and nobody could tell it from forbidden."""
        return allow(["s3:ListBucket", *actions], self._arn)

    def versions(self, *prefixes: str) -> iam.PolicyStatement:
        """To delete is to name a version, or what a delete marker hides would stay: for these, each is listed."""
        return allow(["s3:ListBucketVersions"], self._arn, StringLike={"s3:prefix": list(prefixes)})

    def objects(self, actions: list[str], *prefixes: str) -> iam.PolicyStatement:
        return allow([f"s3:{action}" for action in actions], *(f"{self._arn}/{prefix}" for prefix in prefixes))


def referred(settings: Settings) -> list[iam.PolicyStatement]:
    """Where customers may refer to besides their own place: the prefixes of REFERENCES."""
    prefixes = settings.processing.environment.get("REFERENCES", "").split()
    places = [prefix.removeprefix("s3://").replace("{customer}", "*") for prefix in prefixes]
    if not places:
        return []
    buckets = sorted({place.split("/", 1)[0] for place in places})
    arns = [Fn.sub(f"arn:${{AWS::Partition}}:s3:::{place}*") for place in places]
    whole = [Fn.sub(f"arn:${{AWS::Partition}}:s3:::{bucket}") for bucket in buckets]
    return [allow(["s3:GetObject", "s3:GetObjectVersion"], *arns), allow(["s3:ListBucket"], *whole)]


def run(settings: Settings, records: str, overflow: str) -> list[iam.PolicyStatement]:
    """What it takes to bring an image to its end, on either route."""
    bucket = Bucket(settings.name)
    return [
        bucket.listing(),
        bucket.objects(["GetObject", "GetObjectVersion"], *_SOURCES),
        bucket.objects(["GetObject"], "results/*"),
        bucket.objects(["PutObject"], "processed/*", "results/*"),
        *referred(settings),
        allow(["sqs:SendMessage"], records, overflow),
    ]


def process(settings: Settings, records: str, overflow: str) -> list[iam.PolicyStatement]:
    """It stages what events carry; Lambda keeps in its name the events that it gave up on."""
    bucket = Bucket(settings.name)
    kafka = settings.kafka.kind != "none"
    return [
        *run(settings, records, overflow),
        bucket.objects(["PutObject"], "incoming/*", "aws/lambda/*"),
        bucket.objects(["GetObject", "PutObject"], "refused/*", *(["accepted/*"] if kafka else [])),
    ]


def job(settings: Settings, records: str, overflow: str) -> list[iam.PolicyStatement]:
    bucket = Bucket(settings.name)
    return [
        *run(settings, records, overflow),
        bucket.objects(["GetObject"], "batches/*"),
        bucket.objects(["PutObject"], "dispatched/*"),
    ]


def dispatch(
    settings: Settings, records: str, overflow: str, job_queue: str, definitions: list[str]
) -> list[iam.PolicyStatement]:
    bucket = Bucket(settings.name)
    both = ("results/*", "refused/*", "accepted/*", "batches/*", "dispatched/*")
    return [
        bucket.listing(),
        bucket.objects(["GetObject", "GetObjectVersion"], *_SOURCES),
        bucket.objects(["GetObject"], "failures/*", "aws/lambda/*"),
        bucket.objects(["PutObject"], "incoming/*"),
        bucket.objects(["GetObject", "PutObject"], *both),
        *referred(settings),
        allow(["batch:SubmitJob"], job_queue, *definitions),
        allow(["batch:ListJobs"], "*"),  # has no resource
        allow(["sqs:SendMessage"], records),
        reads(overflow),
    ]


def record(settings: Settings, records: str) -> list[iam.PolicyStatement]:
    return [*_recording(settings), reads(records)]


def admin(settings: Settings) -> list[iam.PolicyStatement]:
    bucket = Bucket(settings.name)
    return [
        *_recording(settings),
        bucket.objects(["PutObject"], "failures/reconciled/*", "results/*"),
        bucket.objects(["GetObject", "PutObject"], "refused/incoming/*"),
        bucket.objects(["GetObject", "PutObject", "DeleteObjectVersion"], "reconciler/after"),
        bucket.versions("reconciler/after"),
    ]


def web(settings: Settings) -> list[iam.PolicyStatement]:
    """What the page's function signs for others, it must be allowed itself."""
    bucket = Bucket(settings.name)
    return [
        bucket.listing("s3:ListBucketMultipartUploads"),
        bucket.objects(["GetObject"], "processed/*", "originals/*", "results/*"),
        bucket.objects(["PutObject", "AbortMultipartUpload", "ListMultipartUploadParts"], "incoming/*"),
        bucket.objects(["PutObject"], "tombstones/*"),
    ]


def reads(queue: str) -> iam.PolicyStatement:
    """A queue as an event source."""
    return allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue)


def writes_log(group: str) -> iam.PolicyStatement:
    """`group` is an ARN as CloudFormation spells it, `…:*`: the streams of that group."""
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], group)


def inside_vpc(function: str) -> list[iam.PolicyStatement]:
    """For Lambda, which makes the interfaces, and not for the function's own code.

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
    own = iam.PolicyStatement(
        effect=iam.Effect.DENY,
        actions=actions,
        resources=["*"],
        conditions={"ArnEquals": {"lambda:SourceFunctionArn": [arn]}},
    )
    return [allow(actions, "*"), own]


def role(
    scope: Construct, name: str, service: str, statements: list[iam.PolicyStatement], description: str
) -> iam.Role:
    """One role with one policy, written out."""
    return iam.Role(
        scope,
        name,
        assumed_by=iam.ServicePrincipal(service),
        description=description,
        inline_policies={"own": iam.PolicyDocument(statements=statements, minimize=False)},
    )


def _recording(settings: Settings) -> list[iam.PolicyStatement]:
    """A source is copied with its tags, where its uploader gave it some; removed are versions, each by its name."""
    bucket = Bucket(settings.name)
    kept = ("originals/*", "quarantine/*")
    removed = ("incoming/*", "processed/*", *kept, "failures/reconciled/*", "dispatched/*")
    return [
        bucket.listing(),
        bucket.versions(*removed),
        bucket.objects(["GetObject"], "incoming/*", "results/*", "tombstones/*"),
        bucket.objects(["GetObjectVersion", "GetObjectVersionTagging"], "incoming/*"),
        bucket.objects(["PutObject", "PutObjectTagging"], *kept),
        bucket.objects(["DeleteObjectVersion"], *removed),
    ]
