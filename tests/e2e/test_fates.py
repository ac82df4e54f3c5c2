"""Sandboxes and Batch containers of the embedded cloud are killed, notifications lost: each image has one result."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psutil
import pytest

from core.domain.model import Door, HandOver, ImageJob, ObjectRef
from core.routing.job_definitions import RETRY_STRATEGY
from core.services.dispatch.job_documents import BatchWork
from core.services.dispatch.job_events import job_name
from localcloud import clients
from localcloud.cloud import Cloud
from localcloud.config import BATCH_QUEUE, Options
from localcloud.lambda_.function import Function
from localcloud.ledger import Ledger
from localcloud.s3_sqs_cloudwatch import resources
from localcloud.s3_sqs_cloudwatch.cloudwatch_sums import sums
from pictureperfect.kafka.producer import KafkaRecord, RecordProducer
from tests.support.aws.batch_job import FUNCTIONS, picture
from tests.support.waiting import until

pytestmark = pytest.mark.long

SMALL = "renditions: [{name: small, outputs: [{format: jpeg}]}]\n"
FATES = ("killed", "reclaimed", "late", "cancelled", "unpulled", "sandbox", "topic")


class World:
    """A cloud with a pipeline for each way to fail, whose images wait for a file `go` in its folder."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        self.address = cloud.config
        self.s3, self.sqs = clients.s3(self.address.endpoint), clients.sqs(self.address.endpoint)
        self.batch = clients.batch(self.address.batch_endpoint)

    def image(self, pipeline: str) -> HandOver:
        """The hand-over of an image in the customer's library."""
        identity = str(uuid4())
        place = ObjectRef(bucket=self.address.bucket, key=f"library/acme/{identity}.jpg")
        self.s3.put_object(Bucket=place.bucket, Key=place.key, Body=picture(64))
        job = ImageJob(
            image_id=identity,
            customer="acme",
            pipeline=pipeline,
            door=Door.REFERENCE,
            name=f"{pipeline}.jpg",
            source=place,
            received_at=datetime.now(UTC),
        )
        return HandOver(job=job, reason="It was handed over.")

    def hand_over(self, image: HandOver) -> HandOver:
        body = msgspec.json.encode(image).decode()
        self.sqs.send_message(QueueUrl=self.address.overflow_queue_url, MessageBody=body)
        return image

    def submit(self, image: HandOver, definition: str, seconds: int) -> str:
        """Submit a job as the dispatcher does, with this definition and time-out."""
        work_id = str(uuid4())
        work = BatchWork(
            work_id=work_id,
            tier="1x2",
            shares=((image,),),
            timeout_seconds=14_400,
            created_at=datetime.now(UTC),
        )
        self.s3.put_object(Bucket=self.address.bucket, Key=work.key, Body=msgspec.json.encode(work))
        answer = self.batch.submit_job(
            jobName=job_name(work_id),
            jobQueue=BATCH_QUEUE,
            jobDefinition=definition,
            containerOverrides={"command": ["batch", "work", work.key]},
            timeout={"attemptDurationSeconds": seconds},
        )
        return str(answer["jobId"])

    def wait(self, fate: str) -> None:
        """Wait until an image of the pipeline is processed; a second call waits for the next image."""
        until((self.folder / fate / "here").exists)
        (self.folder / fate / "here").unlink()

    def go(self, fate: str) -> None:
        (self.folder / fate / "go").touch()

    def child(self, image_id: str) -> psutil.Process:
        """The Batch container that processes an image."""
        for job in self.batch.list_jobs(jobQueue=BATCH_QUEUE, jobStatus="RUNNING")["jobSummaryList"]:
            work = self.s3.get_object(
                Bucket=self.address.bucket, Key=f"batches/{job['jobName'].removeprefix('picture-perfect-')}.json"
            )["Body"].read()
            if image_id.encode() in work:
                return _process("AWS_BATCH_JOB_ID", job["jobId"])
        raise LookupError(image_id)

    def row(self, image_id: str) -> dict[str, Any]:
        """The ledger's only row of an image."""
        with Ledger(self.address.database_url) as ledger:
            until(lambda: len(ledger.images([image_id])) == 1)
            (row,) = ledger.images([image_id])
        listed = self.s3.list_objects_v2(Bucket=self.address.bucket, Prefix=f"results/{image_id}/")
        assert listed["KeyCount"] == 1
        return row

    def reconcile(self) -> None:
        """Run a round of the reconciler for sources of any age."""
        config = self.cloud.functions.admin.config
        any_age = replace(config, environment={**config.environment, "RECONCILE_AFTER_HOURS": "0.000001"})
        with Function(any_age, self.folder / "reconciler") as admin:
            answer = admin.invoke({"action": "reconcile"})
        assert answer.error is None, answer.payload

    def sandbox(self) -> psutil.Process:
        """The sandbox of handler.process that processes an image: the one with a worker child in use."""
        return next(
            process
            for process in psutil.Process().children(recursive=True)  # the machine may run another embedded cloud
            if _command(process)[-1:] == ["handler.process.handle"]
        )


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # the process has ended meanwhile
        return []


def _process(name: str, value: str) -> psutil.Process:
    for process in psutil.process_iter():
        try:
            if process.environ().get(name) == value:
                return process
        except psutil.Error:
            continue
    raise LookupError(value)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("fates")
    (folder / "functions.py").write_text(FUNCTIONS)
    pipelines = folder / "pipelines"
    pipelines.mkdir()
    (pipelines / "thumbnail.yaml").write_text(SMALL)
    for fate in FATES:
        (folder / fate).mkdir()
        (pipelines / f"{fate}.yaml").write_text(f"steps: [{{linger: {{folder: '{folder / fate}'}}}}]\n{SMALL}")
    options = Options(
        pipelines=str(pipelines),
        operations="functions:linger",
        python_path=str(folder),
        timeout=600,
        concurrency=1,
        reconcile_every=3600.0,
        reconcile_after=3600.0,
        min_batch_seconds=1,
        kafka_batch=20,
    )
    with Cloud(folder / "cloud", options) as cloud:
        yield World(cloud, folder)


def test_a_batch_child_killed_half_way_ends_once_in_a_larger_tier(world: World) -> None:
    image = world.hand_over(world.image("killed"))
    world.wait("killed")
    world.child(image.job.image_id).kill()
    world.wait("killed")
    world.go("killed")
    row = world.row(image.job.image_id)
    assert (row["status"], row["route"]) == ("processed", "batch")
    assert "137" in row["reason"]


def test_a_batch_child_that_gets_sigterm_is_retried(world: World) -> None:
    image = world.hand_over(world.image("reclaimed"))
    world.wait("reclaimed")
    world.child(image.job.image_id).send_signal(signal.SIGTERM)
    world.wait("reclaimed")
    world.go("reclaimed")
    row = world.row(image.job.image_id)
    assert (row["status"], row["route"], row["reason"]) == ("processed", "batch", "It was handed over.")


def test_a_batch_child_that_batch_times_out_ends_failed(world: World) -> None:
    image = world.image("late")
    world.submit(image, "picture-perfect-1x2", 4)
    row = world.row(image.job.image_id)
    assert (row["status"], row["code"], row["route"]) == ("failed", "timed_out", "batch")
    assert "attempt duration exceeded" in row["message"]


def test_an_image_of_a_cancelled_job_ends_cancelled(world: World) -> None:
    image = world.image("cancelled")
    job_id = world.submit(image, "picture-perfect-1x2", 600)
    world.wait("cancelled")
    world.batch.terminate_job(jobId=job_id, reason="Nobody wants it.")
    row = world.row(image.job.image_id)
    assert (row["status"], row["code"]) == ("failed", "cancelled")
    assert "Nobody wants it" in row["message"]


def test_an_image_whose_container_cannot_be_pulled_ends_failed(world: World) -> None:
    world.batch.register_job_definition(
        jobDefinitionName="unpulled",
        type="container",
        containerProperties={
            "image": "missing/picture-perfect",
            "command": ["batch"],
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
        },
        retryStrategy=RETRY_STRATEGY,  # type: ignore[arg-type]
    )
    image = world.image("unpulled")
    world.submit(image, "unpulled", 600)
    row = world.row(image.job.image_id)
    assert (row["status"], row["code"]) == ("failed", "not_started")
    assert "CannotPull" in row["message"]


def test_an_upload_whose_sandbox_is_killed_every_time_ends_once_on_batch(world: World) -> None:
    key = "incoming/acme/sandbox/upload-1/a.jpg"
    world.s3.put_object(Bucket=world.address.bucket, Key=key, Body=picture(64))
    for _attempt in range(3):
        world.wait("sandbox")
        world.sandbox().kill()
    world.wait("sandbox")
    world.go("sandbox")
    image_id = _id_of(world, key)
    row = world.row(image_id)
    assert (row["status"], row["route"]) == ("processed", "batch")
    assert row["reason"].startswith("The event failed in Lambda (RetriesExhausted)")
    documents = world.s3.list_objects_v2(Bucket=world.address.bucket, Prefix="aws/")["Contents"]
    assert len(documents) == 1


def test_a_batch_of_twenty_records_whose_sandbox_is_killed_ends_once_each(world: World) -> None:
    address = world.address
    names = [f"record-{number}.jpg" for number in range(20)]
    items = [
        KafkaRecord(
            name=name,
            value=picture(64 + number),
            headers={"customer-id": "topic", "pipeline": "topic" if number == 7 else "thumbnail", "filename": name},
        )
        for number, name in enumerate(names)
    ]
    lost: list[str] = []
    config = {"bootstrap.servers": address.kafka_bootstrap_servers}
    with RecordProducer(config, address.kafka_topic, lambda name, _why: lost.append(name)) as producing:
        for item in items:
            producing.send(item)
    assert lost == []
    for _attempt in range(2):
        world.wait("topic")
        world.sandbox().kill()
    world.go("topic")
    with Ledger(address.database_url) as ledger:
        until(lambda: len(_of(ledger, "topic")) == len(names))
        rows = _of(ledger, "topic")
    assert sorted(row["name"] for row in rows) == sorted(names)
    assert {row["status"] for row in rows} == {"processed"}


def test_a_source_whose_notification_was_lost_is_handed_over_by_the_reconciler(world: World) -> None:
    key = "incoming/acme/thumbnail/upload-2/silent.jpg"
    world.s3.put_bucket_notification_configuration(Bucket=world.address.bucket, NotificationConfiguration={})
    world.s3.put_object(Bucket=world.address.bucket, Key=key, Body=picture(64))
    queues = {name: world.sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("incoming", "records", "overflow")}
    resources.add_notifications(world.s3, world.sqs, queues)
    world.reconcile()
    row = world.row(_id_of(world, key))
    assert (row["status"], row["route"]) == ("processed", "batch")


def test_cloudwatch_counts_no_image_twice_and_misses_at_most_what_died_at_its_commit(world: World) -> None:
    with Ledger(world.address.database_url) as ledger:
        ended = len(ledger.last(1000))
    died_in_two_batches = 2 * 2  # each processes two images
    until(lambda: _counted(world) >= ended - died_in_two_batches)
    assert _counted(world) <= ended


def _counted(world: World) -> float:
    measured = sums(clients.cloudwatch(world.address.endpoint), "PicturePerfect")
    return sum(values["Images"] for name, values in measured.items() if name.startswith("status="))


def _of(ledger: Ledger, customer: str) -> list[dict[str, Any]]:
    return [row for row in ledger.last(1000) if row["customer"] == customer]


def _id_of(world: World, key: str) -> str:
    """Wait for the ledger's row of an upload; returns its image id."""
    with Ledger(world.address.database_url) as ledger:
        until(lambda: len(ledger.sources([f"s3://{world.address.bucket}/{key}"])) == 1)
        (row,) = ledger.sources([f"s3://{world.address.bucket}/{key}"])
    return str(row["image_id"])
