"""Event sources, asynchronous invocations, the Invoke API and EMF, with moto's queues and real sandboxes."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from core.adapters.aws.sqs import SqsAnnouncements
from localcloud import clients
from localcloud.http_server import HttpServer
from localcloud.lambda_.async_invoke import AsyncInvoker
from localcloud.lambda_.function import Function, FunctionConfig, Invocation
from localcloud.lambda_.invoke_api import invoke_routes
from localcloud.lambda_.s3_event_source import S3EventSource
from localcloud.lambda_.sandbox_process import ROOT
from localcloud.lambda_.sqs_event_source import SqsEventSource
from localcloud.lambda_.sqs_events import succeeded
from localcloud.s3_sqs_cloudwatch import cloudwatch_emf, cloudwatch_sums, s3_notifications
from localcloud.s3_sqs_cloudwatch.moto_server import moto_server, reset
from tests.support.fakes.queues import depth
from tests.support.waiting import HANGS_AFTER, until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

HANDLERS = """
import json, os

def keep(event):
    with open(os.environ["SEEN"], "a") as file:
        file.write(json.dumps(event) + "\\n")

def accept(event, context):
    keep(event)
    return {"batchItemFailures": []}

def refuse_bad(event, context):
    keep(event)
    bad = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in bad]}

def fail_at_first(event, context):
    keep(event)
    with open(os.environ["SEEN"]) as file:
        if len(file.readlines()) < 2:
            raise RuntimeError("not yet")

def fail(event, context):
    keep(event)
    raise RuntimeError("never")
"""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3(endpoint: str) -> "S3Client":
    reset(endpoint)
    return clients.s3(endpoint)


@pytest.fixture
def sqs(endpoint: str, s3: "S3Client") -> "SQSClient":
    return clients.sqs(endpoint)


class Stage:
    """Functions with the handlers above, and the events that they received."""

    def __init__(self, folder: Path) -> None:
        (folder / "tried.py").write_text(HANDLERS)
        self.folder = folder
        self._seen = folder / "seen"
        self.open: list[Any] = []

    def function(self, handler: str) -> Function:
        environment = {"PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}", "SEEN": str(self._seen)}
        function = Function(
            FunctionConfig(name="tried", handler=f"tried.{handler}", environment=environment), self.folder / "logs"
        )
        self.open.append(function)
        return function

    def start(self, source: S3EventSource | SqsEventSource) -> None:
        source.start()
        self.open.append(source)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._seen.read_text().splitlines()] if self._seen.exists() else []

    def deliveries(self, body: str) -> list[dict[str, Any]]:
        """The records of a message, one for each time that it was delivered."""
        return [record for event in self.events() for record in event["Records"] if record["body"] == body]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    started = Stage(tmp_path)
    yield started
    for item in reversed(started.open):
        item.close()


def make_visible(sqs: "SQSClient", url: str, record: dict[str, Any]) -> None:
    """End the time-out of a message, of which `record` is the newest delivery, so that it is delivered again."""
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0)


def queue(sqs: "SQSClient", **attributes: str) -> str:
    return sqs.create_queue(QueueName="work", Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]


@pytest.mark.long
def test_only_what_a_batch_reports_as_failed_comes_again_and_ends_in_the_dead_letter_queue(
    sqs: "SQSClient", stage: Stage
) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": clients.queue_arn(sqs, dead), "maxReceiveCount": "2"})
    url = queue(sqs, VisibilityTimeout="600", RedrivePolicy=redrive)
    for body in ("good", "bad", "fine"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    stage.start(SqsEventSource(sqs, url, stage.function("refuse_bad")))
    until(lambda: depth(sqs, url) == 1)  # the others are deleted
    make_visible(sqs, url, stage.deliveries("bad")[0])
    until(lambda: len(stage.deliveries("bad")) == 2)
    make_visible(sqs, url, stage.deliveries("bad")[1])
    until(lambda: depth(sqs, dead) == 1)
    bodies = [record["body"] for event in stage.events() for record in event["Records"]]
    assert sorted(bodies) == ["bad", "bad", "fine", "good"]
    until(lambda: depth(sqs, url) == 0)


def test_after_a_function_error_nothing_is_deleted_and_all_of_it_is_delivered_again(
    sqs: "SQSClient", stage: Stage
) -> None:
    url = queue(sqs, VisibilityTimeout="600")
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    function = stage.function("fail_at_first")
    stage.start(SqsEventSource(sqs, url, function))
    until(lambda: function.log_path.exists() and "not yet" in function.log_path.read_text())
    for record in stage.events()[0]["Records"]:
        make_visible(sqs, url, record)
    until(lambda: depth(sqs, url) == 0)
    first, second = stage.events()
    assert {record["messageId"] for record in first["Records"]} == {record["messageId"] for record in second["Records"]}
    assert {record["attributes"]["ApproximateReceiveCount"] for record in second["Records"]} == {"2"}


def test_a_message_arrives_with_everything_that_lambda_puts_around_it(sqs: "SQSClient", stage: Stage) -> None:
    url = queue(sqs)
    sqs.send_message(QueueUrl=url, MessageBody="raw")
    stage.start(SqsEventSource(sqs, url, stage.function("accept"), complete_body=str.upper))
    record = until(stage.events)[0]["Records"][0]
    assert record["body"] == "RAW"
    assert record["md5OfBody"] == hashlib.md5(b"RAW", usedforsecurity=False).hexdigest()
    assert (record["eventSource"], record["awsRegion"]) == ("aws:sqs", "us-east-1")
    assert record["eventSourceARN"].endswith(":work")
    assert {"messageId", "receiptHandle", "attributes", "messageAttributes"} <= set(record)


def test_a_window_collects_more_messages_than_one_receive_can_bring(sqs: "SQSClient", stage: Stage) -> None:
    url = queue(sqs)
    for number in range(25):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    stage.start(SqsEventSource(sqs, url, stage.function("accept"), batch_size=25, batching_window=HANGS_AFTER))
    until(lambda: depth(sqs, url) == 0)
    assert len(stage.events()[0]["Records"]) == 25


@pytest.mark.parametrize(
    ("answer", "deleted"),
    [
        (None, ["a", "b"]),
        ({}, ["a", "b"]),
        ({"batchItemFailures": None}, ["a", "b"]),
        ({"batchItemFailures": []}, ["a", "b"]),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, ["b"]),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, []),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, []),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, []),
        ({"batchItemFailures": [{"wrong": "a"}]}, []),
        ("nonsense", []),
    ],
)
def test_an_answer_that_cannot_be_understood_is_a_failure_of_the_whole_batch(answer: Any, deleted: list[str]) -> None:
    batch: Any = [{"MessageId": "a"}, {"MessageId": "b"}]
    assert [message["MessageId"] for message in succeeded(batch, Invocation("id", answer))] == deleted


def bucket_with_notifications(s3: "S3Client", sqs: "SQSClient") -> str:
    url = queue(sqs)
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket="bucket",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": clients.queue_arn(sqs, url), "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    return url


def test_a_notification_says_what_aws_s_says_for_a_bucket_with_versions(
    s3: "S3Client", sqs: "SQSClient", stage: Stage
) -> None:
    url = bucket_with_notifications(s3, sqs)
    key = "incoming/acme/web/1/a b+c ü%.jpg"
    versions = [s3.put_object(Bucket="bucket", Key=key, Body=body)["VersionId"] for body in (b"one", b"two")]
    invoker = AsyncInvoker(stage.function("accept"), lambda *_: None)
    stage.open.append(invoker)
    stage.start(S3EventSource(sqs, url, invoker, lambda body: s3_notifications.complete(s3, body)))
    until(lambda: depth(sqs, url) == 0 and len(stage.events()) >= 2)
    records = [event["Records"][0] for event in stage.events()]  # the s3:TestEvent was not for the function
    assert sorted(record["s3"]["object"]["versionId"] for record in records) == sorted(versions)
    record = records[0]
    assert record["eventVersion"] == "2.1"
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["s3"]["s3SchemaVersion"] == "1.0"
    assert record["s3"]["object"]["key"] == "incoming/acme/web/1/a+b%2Bc+%C3%BC%25.jpg"
    assert set(record) >= {"awsRegion", "eventTime", "userIdentity", "requestParameters", "responseElements"}
    assert set(record["s3"]["object"]) == {"key", "size", "eTag", "versionId", "sequencer"}
    assert "ownerIdentity" in record["s3"]["bucket"]


def test_a_functions_announcement_to_the_recorder_is_not_changed(s3: "S3Client", sqs: "SQSClient") -> None:
    url = queue(sqs)
    SqsAnnouncements(sqs, url, "bucket").announce("results/a b.json")
    body = sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"]
    assert json.loads(s3_notifications.complete(s3, body)) == json.loads(body)


def test_an_event_that_fails_three_times_leaves_a_failure_document(stage: Stage) -> None:
    documents: list[tuple[str, bytes]] = []
    invoker = AsyncInvoker(stage.function("fail"), lambda *document: documents.append(document), backoff=0.01)
    stage.open.append(invoker)
    request_id = invoker.submit({"hello": "world"})
    key, content = until(lambda: documents)[0]
    document = json.loads(content)
    assert key.startswith("aws/lambda/async/tried/")
    assert len(stage.events()) == 3
    assert document["requestContext"] == {
        "requestId": request_id,
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:tried:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 3,
    }
    assert document["requestPayload"] == {"hello": "world"}
    assert document["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert document["responsePayload"]["errorMessage"] == "never"


def test_boto3_s_own_lambda_client_reaches_the_functions(stage: Stage) -> None:
    function = stage.function("accept")
    invoker = AsyncInvoker(function, lambda *_: None)
    functions = {"tried": function, "failing": stage.function("fail")}
    with HttpServer(invoke_routes(functions, {"tried": invoker})) as api:
        client = clients.lambda_(api.url)
        answer = client.invoke(FunctionName="tried", Payload=b'{"n": 1}')
        assert (answer["StatusCode"], json.loads(answer["Payload"].read())) == (200, {"batchItemFailures": []})
        failed = client.invoke(FunctionName="failing", Payload=b"{}")
        assert failed["FunctionError"] == "Unhandled"
        assert json.loads(failed["Payload"].read())["errorType"] == "RuntimeError"
        assert client.invoke(FunctionName="tried", InvocationType="Event", Payload=b'{"n": 2}')["StatusCode"] == 202
        until(lambda: {"n": 2} in stage.events())
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.invoke(FunctionName="other")
        with pytest.raises(ClientError, match="too large") as refused:
            client.invoke(FunctionName="tried", Payload=b'"' + b"x" * 6_291_556 + b'"')
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
        invoker.close()


def test_lines_of_embedded_metrics_in_the_log_become_metrics(endpoint: str, s3: "S3Client") -> None:
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "Tried",
                    "Dimensions": [["status"], ["source", "route"]],
                    "Metrics": [{"Name": "Images", "Unit": "Count"}],
                }
            ],
        },
        "status": "processed",
        "source": "upload",
        "route": "lambda",
        "Images": [1, 2],
    }
    client = clients.cloudwatch(endpoint)
    cloudwatch_emf.put(client, json.dumps(line))
    cloudwatch_emf.put(client, 'not one: "_aws"')
    assert cloudwatch_sums.sums(client, "Tried") == {
        "source=upload, route=lambda": {"Images": 3.0},
        "status=processed": {"Images": 3.0},
    }
