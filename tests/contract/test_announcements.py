"""An announcement reaches the recorder in the same form as a notification of S3."""

import json
from typing import TYPE_CHECKING

import pytest

from core.adapters.aws.sqs import SqsAnnouncements
from core.domain.errors import Code, Misconfigured, Unavailable
from handler.events import s3_records
from tests.conftest import client
from tests.support.fakes.ports import FakeAnnouncements

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

KEYS = ["results/1b/0.json", "results/a b+c%20ü\N{SNOWMAN}.json"]


@pytest.mark.parametrize("key", KEYS)
def test_what_is_announced_arrives_as_it_was(sqs: "SQSClient", queue: str, key: str) -> None:
    SqsAnnouncements(sqs, queue, "home").announce(key)
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    (record,) = s3_records(json.loads(message["Body"]))
    assert (record.s3.bucket.name, record.s3.object.plain_key) == ("home", key)


@pytest.mark.parametrize("key", KEYS)
def test_the_fake_keeps_what_is_announced(key: str) -> None:
    fake = FakeAnnouncements()
    fake.announce(key)
    fake.double(0)
    assert fake.take([1, 0]) == [key, key]


def test_a_queue_that_is_not_there_needs_an_operator(sqs: "SQSClient", queue: str) -> None:
    with pytest.raises(Misconfigured):
        SqsAnnouncements(sqs, queue + "-not", "home").announce("results/1/0.json")


def test_a_queue_that_does_not_answer_is_unavailable() -> None:
    queues = client("sqs", "http://127.0.0.1:1")
    with pytest.raises(Unavailable) as caught:
        SqsAnnouncements(queues, "http://127.0.0.1:1/1/q", "home").announce("results/1/0.json")
    assert caught.value.code is Code.QUEUE_UNAVAILABLE
