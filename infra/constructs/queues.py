"""The records queue and the overflow queue, each with its dead-letter queue."""

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IConstruct

#: Time-outs of the functions that read the queues.
RECORD_SECONDS = 120
DISPATCH_SECONDS = 300
#: Visibility time-out of a queue, in time-outs of its function. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY = 6
#: The longest that SQS keeps a message.
_DAYS = 14
#: The most that SQS allows. With a dead database a message is received every twelve minutes, for the whole 14 days.
_RECORD_RECEIVES = 1000
#: One every half an hour: longer than HOLD_HOURS, in which a bad deployment can be fixed.
_DISPATCH_RECEIVES = 300


class Queues(Construct):
    """`records` holds committed results for `record`; `overflow` holds images for Batch and failures for `dispatch`."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, "Queues")
        self.records_dead_letters = self._queue("RecordsDead", f"{name}-records-dead-letters")
        self.overflow_dead_letters = self._queue("OverflowDead", f"{name}-overflow-dead-letters")
        self.records = self._queue(
            "Records", f"{name}-records", RECORD_SECONDS, (_RECORD_RECEIVES, self.records_dead_letters)
        )
        self.overflow = self._queue(
            "Overflow", f"{name}-overflow", DISPATCH_SECONDS, (_DISPATCH_RECEIVES, self.overflow_dead_letters)
        )

    def allow_bucket(self, bucket_arn: str) -> list[IConstruct]:
        """Let the bucket's notifications send to both queues; returns the queue policies."""
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
        self, construct: str, name: str, function_seconds: int = 0, dead_letters: "tuple[int, sqs.Queue] | None" = None
    ) -> sqs.Queue:
        """`dead_letters`: after how many receives a message moves to which queue."""
        return sqs.Queue(
            self,
            construct,
            queue_name=name,
            retention_period=Duration.days(_DAYS),
            visibility_timeout=Duration.seconds(_VISIBILITY * function_seconds) if function_seconds else None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=dead_letters[0], queue=dead_letters[1])
            if dead_letters
            else None,
            removal_policy=RemovalPolicy.DESTROY,
        )
