"""A job that is handed over arrives unchanged at the other end of the overflow queue."""

from typing import TYPE_CHECKING

import pytest

from core.adapters.aws.sqs import SqsHandovers
from core.domain.errors import Code, Misconfigured, Unavailable
from core.domain.model import Door, ImageJob, ObjectRef
from tests.conftest import client
from tests.support.aws.kafka_events import handed_over
from tests.support.fakes.ports import FakeHandovers
from tests.support.values import NOW

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

JOB = ImageJob(
    image_id="1b4e28ba-2fa1-51d2-883f-0016d3cca427",
    customer="acme",
    pipeline="web",
    door=Door.KAFKA,
    name="ü\N{SNOWMAN} a+b.jpg",
    source=ObjectRef(bucket="home", key="originals/acme/ü a+b%20", version="v1"),
    received_at=NOW,
)


def test_what_is_handed_over_arrives_as_it_was(sqs: "SQSClient", queue: str) -> None:
    SqsHandovers(sqs, queue).hand_over(JOB, "It needs more than its share.")
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert handed_over(message["Body"]) == JOB
    assert "It needs more than its share." in message["Body"]


def test_the_fake_keeps_what_is_handed_over() -> None:
    fake = FakeHandovers()
    fake.hand_over(JOB, "It needs more than its share.")
    assert [handed_over(body) for body in fake.waiting] == [JOB]


def test_a_queue_that_is_not_there_needs_an_operator(sqs: "SQSClient", queue: str) -> None:
    with pytest.raises(Misconfigured):
        SqsHandovers(sqs, queue + "-not").hand_over(JOB, "…")


def test_a_queue_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable) as caught:
        SqsHandovers(client("sqs", "http://127.0.0.1:1"), "http://127.0.0.1:1/1/q").hand_over(JOB, "…")
    assert caught.value.code is Code.QUEUE_UNAVAILABLE
