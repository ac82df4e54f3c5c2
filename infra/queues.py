"""The two queues, each with one for the messages that were given up."""

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IConstruct

RECORD_SECONDS = 120
DISPATCH_SECONDS = 300
#: AWS's advice for a queue that a function reads: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY = 6
_DAYS = 14  # the most that SQS keeps
#: With a dead database, a message comes back every twelve minutes: it must not be given up before its 14 days are over.
_RECORD_RECEIVES = 1000
#: Longer than HOLD_HOURS, in steps of half an hour: what a bad deployment stopped waits until it is mended.
_DISPATCH_RECEIVES = 300


class Queues(Construct):
    """`records` tells the recorder what was committed; `overflow` is what did not fit, or failed."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, "Queues")
        self.records_dead = self._queue("RecordsDead", f"{name}-records-dead-letters")
        self.overflow_dead = self._queue("OverflowDead", f"{name}-overflow-dead-letters")
        self.records = self._queue("Records", f"{name}-records", RECORD_SECONDS, (_RECORD_RECEIVES, self.records_dead))
        self.overflow = self._queue(
            "Overflow", f"{name}-overflow", DISPATCH_SECONDS, (_DISPATCH_RECEIVES, self.overflow_dead)
        )

    def told_by(self, bucket_arn: str) -> list[IConstruct]:
        """Let the bucket's notifications in."""
        for queue in (self.records, self.overflow):
            queue.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[queue.queue_arn],
                    conditions={
                        "ArnEquals": {"aws:SourceArn": bucket_arn},
                        "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    },
                )
            )
        return [queue.node.find_child("Policy") for queue in (self.records, self.overflow)]

    def _queue(
        self, construct: str, name: str, timeout: int = 0, dead: "tuple[int, sqs.Queue] | None" = None
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            construct,
            queue_name=name,
            retention_period=Duration.days(_DAYS),
            visibility_timeout=Duration.seconds(_VISIBILITY * timeout) if timeout else None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=dead[0], queue=dead[1]) if dead else None,
            removal_policy=RemovalPolicy.DESTROY,
        )
