"""After a storm through all entries, with duplicates, the ledger's totals equal the senders' count, to the byte."""

import csv
import io
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from localcloud import clients
from localcloud.cloud import Cloud
from localcloud.config import GROUP, Options
from localcloud.kafka_broker import GroupWatch
from localcloud.lambda_.function import Invocation
from localcloud.lambda_.kafka_event_source import KafkaEventSource
from localcloud.lambda_.sandbox_process import ROOT
from pictureperfect.kafka.producer import KafkaRecord, RecordProducer
from tests.support.fakes.queues import depth
from tests.support.storm import LARGE, PIPELINES, Line, Sent, Sums, count_of, storm
from tests.support.waiting import until

COUNT = int(os.environ.get("STORM_IMAGES", "120"))  # `make test-storm` sends 2,000
SECONDS = 60 + COUNT / 4
pytestmark = [pytest.mark.timeout(60 + 4 * SECONDS), pytest.mark.long]


class DeliversTwice:
    """Delivers Kafka batches, and the duplicates in each batch again after its answer."""

    def __init__(self, invoke: Callable[[Any], Invocation], names: frozenset[str]) -> None:
        self._invoke = invoke
        self._names = names
        self._lock = threading.Lock()
        self.deliveries: Counter[str] = Counter()

    def invoke(self, event: dict[str, Any]) -> Invocation:
        answer = self._delivered(event)
        chosen = {
            group: [record for record in records if _name(record) in self._names]
            for group, records in event["records"].items()
        }
        if any(chosen.values()):
            self._delivered({**event, "records": {group: records for group, records in chosen.items() if records}})
        return answer

    def _delivered(self, event: dict[str, Any]) -> Invocation:
        with self._lock:
            self.deliveries.update(_name(record) for records in event["records"].values() for record in records)
        return self._invoke(event)


def _name(record: dict[str, Any]) -> str:
    return next(bytes(header["filename"]).decode() for header in record["headers"] if "filename" in header)


class Sender:
    """Sends a storm into a cloud, each image through its own entry."""

    def __init__(self, cloud: Cloud, images: Sequence[Sent]) -> None:
        self.address = cloud.config
        self.images = images
        self.s3, self.sqs = clients.s3(self.address.endpoint), clients.sqs(self.address.endpoint)
        self._lambda = clients.lambda_(self.address.lambda_endpoint)
        self.answers: Counter[tuple[str, bool]] = Counter()
        self.lost: list[str] = []

    def send(self, group: str) -> None:
        config = {"bootstrap.servers": self.address.kafka_bootstrap_servers}
        with (
            RecordProducer(
                config, self.address.kafka_topic, lambda name, _why: self.lost.append(name), group=group
            ) as topic,
            ThreadPoolExecutor(4) as pool,
        ):
            list(pool.map(lambda image: self._one(image, topic), self.images))

    def _one(self, image: Sent, topic: RecordProducer) -> None:
        bucket = self.address.bucket
        match image.door:
            case "upload":
                put = self.s3.put_object(Bucket=bucket, Key=image.bucket_key, Body=image.body)
                if image.twice:
                    again = image.notification(bucket, put["VersionId"], put["ETag"].strip('"'))
                    self.sqs.send_message(QueueUrl=self.address.incoming_queue_url, MessageBody=again)
            case "direct" | "reference":
                if image.door == "reference":
                    self.s3.put_object(Bucket=bucket, Key=image.bucket_key, Body=image.body)
                for _time in range(1 + image.twice):
                    self._invoke(image)
            case "kafka":
                topic.send(KafkaRecord(name=image.name, value=image.body, headers=image.headers))
            case _:
                self.s3.put_object(Bucket=bucket, Key=image.bucket_key, Body=image.body)
                reference = json.dumps({"s3": f"s3://{bucket}/{image.bucket_key}"}).encode()
                topic.send(KafkaRecord(name=image.name, value=reference, headers=image.headers))

    def _invoke(self, image: Sent) -> None:
        payload = json.dumps(image.request(self.address.bucket))
        answer = self._lambda.invoke(FunctionName="process", Payload=payload)
        outcome = json.loads(answer["Payload"].read())
        assert not answer.get("FunctionError"), outcome
        self.answers[outcome["status"], outcome.get("duplicate", False)] += 1


class Ledger:
    """Queries of the database."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode()).fetchall()

    def images(self) -> int:
        return int(self.rows("SELECT count(*) FROM images")[0][0])

    def lines(self) -> dict[Line, Sums]:
        found = self.rows(
            """SELECT customer, door, route, pipeline, format, code, count(*), sum(source_bytes)::bigint,
                      sum((SELECT count(*) FROM renditions r WHERE r.image_id = images.image_id))::bigint
                 FROM images GROUP BY 1, 2, 3, 4, 5, 6"""
        )
        return {Line(*row[:6]): Sums(*row[6:]) for row in found}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("storm")
    pipelines = folder / "pipelines"
    pipelines.mkdir()
    for name, text in PIPELINES.items():
        (pipelines / f"{name}.yaml").write_text(text)
    options = Options(pipelines=str(pipelines), lambda_max_megapixels=LARGE, consumers=0, kafka_batch=50)
    with Cloud(folder / "cloud", options) as running:
        yield running


@pytest.fixture(scope="module")
def ended(cloud: Cloud) -> "tuple[list[Sent], DeliversTwice, Sender]":
    """A storm whose events were all answered, and whose queues are empty."""
    images = storm(COUNT)
    twice = DeliversTwice(cloud.functions.process.invoke, frozenset(image.name for image in images if image.twice))
    sender = Sender(cloud, images)
    lost: list[object] = []
    source = KafkaEventSource(cloud.kafka.mapping, twice.invoke, lost.append)
    try:
        source.scale(1)
        sender.send(GROUP)
        address, ledger = cloud.config, Ledger(cloud.config.database_url)
        with GroupWatch(address.kafka_bootstrap_servers, GROUP, address.kafka_topic) as watch:
            until(lambda: not any(item.lag for item in watch.progress().values()), SECONDS)
        until(lambda: ledger.images() >= COUNT, SECONDS)
        until(lambda: _idle(cloud), SECONDS)
        ledger.connection.close()
    finally:
        source.close()
    assert (lost, sender.lost) == ([], [])
    return images, twice, sender


def _idle(cloud: Cloud) -> bool:
    """Whether all queues are empty, and no function and no job runs."""
    address = cloud.config
    sqs, batch = clients.sqs(address.endpoint), clients.batch(address.batch_endpoint)
    if any(
        depth(sqs, url) for url in (address.incoming_queue_url, address.overflow_queue_url, address.records_queue_url)
    ):
        return False
    if any(batch.list_jobs(jobQueue="picture-perfect", jobStatus=status)["jobSummaryList"] for status in _UNDER_WAY):
        return False
    log = cloud.functions.process.log_path.read_text()
    return log.count("START RequestId") == log.count("END RequestId")


_UNDER_WAY: Any = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")


def test_a_third_did_come_twice_and_was_known(ended: tuple[list[Sent], DeliversTwice, Sender], cloud: Cloud) -> None:
    images, twice, sender = ended
    by_kafka = [image for image in images if image.door.startswith("kafka")]
    invoked = [image for image in images if image.door in ("direct", "reference")]
    assert sum(image.twice for image in images) >= COUNT // 3
    assert twice.deliveries == Counter({image.name: 1 + image.twice for image in by_kafka})
    assert sum(sender.answers.values()) == sum(1 + image.twice for image in invoked)
    again = sum(count for (_, duplicate), count in sender.answers.items() if duplicate)
    large = sum(image.twice and image.large for image in invoked)
    assert sum(image.twice for image in invoked) - large <= again <= sum(image.twice for image in invoked)
    assert {image.code for image in images} >= {None, "corrupt_image", "empty_file", "unknown_pipeline"}


def test_the_ledger_has_what_the_senders_sent_to_the_byte(
    ended: tuple[list[Sent], DeliversTwice, Sender], cloud: Cloud
) -> None:
    images, _, _ = ended
    ledger = Ledger(cloud.config.database_url)
    assert ledger.lines() == count_of(images)
    assert ledger.images() == COUNT


def test_what_the_ledger_says_was_made_lies_in_the_bucket_and_nothing_else(
    ended: tuple[list[Sent], DeliversTwice, Sender], cloud: Cloud
) -> None:
    _, _, sender = ended
    pages = sender.s3.get_paginator("list_objects_v2").paginate(Bucket=cloud.config.bucket, Prefix="processed/")
    stored = {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}
    ledger = Ledger(cloud.config.database_url)
    assert dict(ledger.rows("SELECT key, bytes FROM renditions")) == stored


def test_the_sums_of_days_are_the_senders_and_every_image_says_what_it_is_billed_for(
    ended: tuple[list[Sent], DeliversTwice, Sender], cloud: Cloud
) -> None:
    images, _, _ = ended
    ledger = Ledger(cloud.config.database_url)
    counted: tuple[tuple[str, str, Callable[[Sent], str | None]], ...] = (
        ("days_by_source", "source", lambda image: "kafka" if image.door == "kafka+s3" else image.door),
        ("days_by_format", "format", lambda image: image.format or "other"),
        ("days_by_code", "code", lambda image: image.code),
        ("days_by_pipeline", "pipeline", lambda image: "other" if image.code == "unknown_pipeline" else image.pipeline),
        ("customer_days", "customer", lambda image: image.customer),
    )
    for view, name, pick in counted:
        wanted: dict[Any, tuple[int, int]] = {}
        for image in images:
            count, size = wanted.get(pick(image), (0, 0))
            wanted[pick(image)] = (count + 1, size + len(image.body))
        query = f"SELECT {name}, sum(images)::int, sum(bytes_in)::int FROM {view} GROUP BY 1"  # noqa: S608 - names of ours
        assert {row[0]: row[1:] for row in ledger.rows(query)} == wanted
    assert ledger.rows("SELECT count(*) FROM images WHERE billed_seconds IS NULL") == [(0,)]
    ((least, most),) = ledger.rows("SELECT min(billed_seconds), max(billed_seconds) FROM images WHERE route = 'batch'")
    assert 60 / sum(image.large for image in images) <= least <= most
    assert ledger.rows("SELECT count(*) FROM dollars WHERE total > 0") == [(COUNT,)]


def test_the_report_has_the_same_numbers_straight_and_through_the_operators_function(
    ended: tuple[list[Sent], DeliversTwice, Sender], cloud: Cloud
) -> None:
    images, _, _ = ended
    straight = report(cloud)
    assert straight == report(cloud, "--function", "admin")
    found: dict[Line, Counter[str]] = {}
    for row in csv.DictReader(io.StringIO(straight)):
        kind = None if row["format"] == "other" else row["format"]
        line = Line(row["customer"], row["source"], row["route"], row["pipeline"], kind, row["code"] or None)
        sums = {name: int(row[name]) for name in ("images", "bytes_in", "outputs")}
        found.setdefault(line, Counter()).update(sums)
    wanted = {  # totals use `other` for an invalid pipeline name; the storm has only one such name
        line._replace(pipeline="other") if line.code == "unknown_pipeline" else line: sums
        for line, sums in count_of(images).items()
    }
    assert {line: Sums(sums["images"], sums["bytes_in"], sums["outputs"]) for line, sums in found.items()} == wanted


def report(cloud: Cloud, *arguments: str) -> str:
    """The rows that the command `report` exports."""
    address = cloud.config
    environment = {**clients.environment(address.endpoint), "AWS_ENDPOINT_URL_LAMBDA": address.lambda_endpoint}
    command = [sys.executable, "-m", "pictureperfect.cli", "report", "--format", "csv", "--since", "2d", *arguments]
    ended = subprocess.run(
        [*command, "--folder", str(cloud.folder)],
        check=False,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_cloudwatch_counts_each_image_once(ended: tuple[list[Sent], DeliversTwice, Sender], cloud: Cloud) -> None:
    images, _, _ = ended
    wanted = Counter("failed" if image.code else "processed" for image in images)
    cloudwatch = clients.cloudwatch(cloud.config.endpoint)

    def counted() -> dict[str, int]:
        return {status: int(sum_of(cloudwatch, status)) for status in wanted}

    until(lambda: sum(counted().values()) >= COUNT, 20)
    assert counted() == wanted


def sum_of(cloudwatch: Any, status: str) -> float:
    """The images with that status by the logs, which lag behind the commits."""
    now = datetime.now(UTC)
    points = cloudwatch.get_metric_statistics(
        Namespace="PicturePerfect",
        MetricName="Images",
        Dimensions=[{"Name": "status", "Value": status}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=7200,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))
