"""The embedded cloud under the synthesized policies, and the ways through it."""

import base64
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from core.adapters.aws.sqs import SqsAnnouncements
from core.domain import object_keys
from core.domain.model import Door, HandOver, ImageJob, ObjectRef, image_id
from core.routing.batch_tiers import TIERS
from core.services.dispatch.leases import Claim, Place
from core.services.intake.requests import s3_identity
from localcloud import clients, resources
from localcloud.cloud import Cloud
from localcloud.config import Options
from localcloud.lambda_.function import Function
from localcloud.ledger import Ledger
from pictureperfect.kafka.producer import KafkaRecord, RecordProducer
from tests.policies.conftest import DEPLOYMENT
from tests.support.aws.batch_job import picture
from tests.support.aws.kafka_events import batch, record

#: What the images' pipelines do to whoever runs them.
FUNCTIONS = '''
import os, resource, signal
from pathlib import Path

__version__ = "1"

def kill(image, *, folder: str):
    """Kills what runs it, the function three times and the Batch job once; the fifth to have it comes through."""
    times = len(list(Path(folder).iterdir()))
    if times < 4:
        (Path(folder) / str(times)).touch()
        os.kill(os.getppid(), signal.SIGKILL)
    return image

def crash(image):
    """Kills what runs it, each time."""
    os.kill(os.getppid(), signal.SIGABRT)

def hoard(image):
    """Takes all memory, where there is little."""
    kept = []
    while resource.getrlimit(resource.RLIMIT_DATA)[0] < 1 << 30:
        kept.append(bytearray(os.urandom(1 << 20) * 16))
    return image
'''
_RENDITIONS = "renditions: [{name: small, outputs: [{format: jpeg}]}]\n"
CUSTOMER = "acme"
PATIENCE = 3.0  # seconds, of the reconciler
_MOST = 90.0  # seconds that anything may take
FAULT = 500
_PART = 5 * 2**20  # bytes: no part of a multipart upload is smaller, but the last


def options(folder: Path) -> Options:
    """A cloud that is named as a deployment, whose function is too small for a megapixel."""
    (folder / "functions.py").write_text(FUNCTIONS)
    (folder / "killed").mkdir()
    pipelines = folder / "pipelines"
    pipelines.mkdir()
    (pipelines / "thumbnail.yaml").write_text(_RENDITIONS)
    for pipeline, step in (
        ("kill", f"{{kill: {{folder: '{folder / 'killed'}'}}}}"),
        ("crash", "crash"),
        ("hoard", "hoard"),
    ):
        (pipelines / f"{pipeline}.yaml").write_text(f"steps: [{step}]\n{_RENDITIONS}")
    return Options(
        deployment=DEPLOYMENT,
        pipelines=str(pipelines),
        operations="functions:kill functions:crash functions:hoard",
        python_path=str(folder),
        lambda_max_megapixels=0.5,
        concurrency=2,
        backoff=0.05,
        least_batch_seconds=1,
        reconcile_every=3600.0,
        reconcile_after=PATIENCE,
        consumers=1,
    )


class World:
    """What customers, Kafka and operators do, and what became of it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.address = cloud, cloud.address
        self.bucket = self.address.bucket
        self.owner = clients.s3(self.address.endpoint)
        self.sqs = clients.sqs(self.address.endpoint)
        #: The page, by the calls that it makes or signs.
        self.web = clients.s3(self.address.endpoint, cloud._as("web"))

    def notify(self, *, on: bool) -> None:
        """Whether S3 tells anybody of what is put into the bucket."""
        if not on:
            self.owner.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration={})
            return
        urls = {
            "incoming": self.address.incoming_queue_url,
            "records": self.address.records_queue_url,
            "overflow": self.address.overflow_queue_url,
        }
        resources.notify(self.owner, self.sqs, urls, self.bucket)

    def upload(self, name: str, body: bytes) -> None:
        """What a customer's browser does with a form that the page has signed: with the page's own rights."""
        self.web.put_object(Bucket=self.bucket, Key=self.incoming(name), Body=body)

    def upload_in_parts(self, name: str, body: bytes) -> None:
        """As the page signs it part by part; and another one, that somebody breaks off."""
        place: Any = {"Bucket": self.bucket, "Key": self.incoming(name)}
        begun = {**place, "UploadId": self.web.create_multipart_upload(**place)["UploadId"]}
        for number in range(0, len(body), _PART):
            self.web.upload_part(**begun, PartNumber=number // _PART + 1, Body=body[number : number + _PART])
        listed = self.web.list_multipart_uploads(Bucket=self.bucket, Prefix=f"{object_keys.INCOMING}{CUSTOMER}/")
        assert [upload["Key"] for upload in listed["Uploads"]] == [place["Key"]]
        parts: Any = [
            {"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in self.web.list_parts(**begun)["Parts"]
        ]
        self.web.complete_multipart_upload(**begun, MultipartUpload={"Parts": parts})
        other = {**place, "UploadId": self.web.create_multipart_upload(**place)["UploadId"]}
        self.web.abort_multipart_upload(**other)

    def quietly(self, name: str, body: bytes) -> ObjectRef:
        """An upload by the owner, with a tag of theirs; where nobody is told of it, it waits."""
        key = self.incoming(name)
        made = self.owner.put_object(Bucket=self.bucket, Key=key, Body=body, Tagging="project=autumn")
        return ObjectRef(bucket=self.bucket, key=key, version=made["VersionId"], etag=made["ETag"].strip('"'))

    def direct(self, name: str, body: bytes) -> dict[str, Any]:
        return self._invoke("process", self.request(name, image=base64.b64encode(body).decode()))

    def refer(self, name: str, key: str) -> dict[str, Any]:
        return self._invoke("process", self.request(name, s3=self.url(key)))

    def put(self, key: str, body: bytes, **metadata: str) -> None:
        """As somebody else than the functions."""
        self.owner.put_object(Bucket=self.bucket, Key=key, Body=body, Metadata=metadata)

    def kill(self, name: str) -> None:
        """An event whose function dies of it each time: its bytes are in Lambda's failure document alone."""
        client = clients.lambda_(self.address.lambda_endpoint)
        event = {**self.request(name, image=base64.b64encode(picture(80)).decode()), "pipeline": "kill"}
        client.invoke(FunctionName="process", InvocationType="Event", Payload=json.dumps(event))

    def produce(self, *items: KafkaRecord) -> None:
        lost: list[str] = []
        config = {"bootstrap.servers": self.address.kafka_bootstrap_servers}
        with RecordProducer(config, self.address.kafka_topic, lambda name, _why: lost.append(name)) as producing:
            for item in items:
                producing.send(item)
        assert lost == []

    def give_up(self, *documents: tuple[str, Any]) -> None:
        """What Lambda, and its mappings, leave of events that they gave up on, in the name of `process`."""
        client = clients.s3(self.address.endpoint, self.cloud._as("process"))
        for source, document in documents:
            key = f"aws/lambda/{source}/{uuid4()}"
            client.put_object(Bucket=self.bucket, Key=key, Body=document.encode(), ContentType="application/json")

    def records(self, topic: str, *values: bytes) -> dict[str, Any]:
        """A batch of Kafka's, the last record of which is of nobody."""
        records = [
            record(value, offset, topic=topic, pipeline="thumbnail", filename=f"{topic}-{offset}.jpg")
            for offset, value in enumerate(values)
        ]
        return batch(*records, record(b"nobody's", len(records), topic=topic, customer_id=None))

    def deliver(self, event: dict[str, Any]) -> None:
        """As the mapping does, twice: the answer to the first got lost."""
        for _delivery in range(2):
            answer = self.cloud.process.invoke(event)
            assert answer.error is None, answer.payload

    def admin(self, action: str, **more: Any) -> dict[str, Any]:
        return self._invoke("admin", {"action": action, **more})

    def reconcile_without_time(self) -> dict[str, Any]:
        """A round that ends with its first page, and remembers how far it came."""
        short = replace(self.cloud.admin.config, timeout=30.0)  # less than it keeps in reserve
        with Function(short, self.cloud.folder / "logs" / "short") as admin:
            answer = admin.invoke({"action": "reconcile"})
        assert answer.error is None, answer.payload
        payload: dict[str, Any] = answer.payload
        return payload

    def take_up(self, ref: ObjectRef, times: int) -> None:
        """As if the reconciler had taken it up before, so often."""
        identity = image_id(CUSTOMER, "thumbnail", *s3_identity(ref))
        for number in range(times):
            self.put(f"{object_keys.RECONCILED}{identity}/{number}.json", b"{}")

    def job(self, name: str, key: str, pipeline: str = "thumbnail") -> ImageJob:
        """An image that lies at `key`, as a door would have accepted it."""
        stored = self.owner.head_object(Bucket=self.bucket, Key=key)
        return ImageJob(
            image_id=str(uuid4()),
            customer=CUSTOMER,
            pipeline=pipeline,
            door=Door.REFERENCE,
            name=name,
            source=ObjectRef(bucket=self.bucket, key=key, version=stored["VersionId"]),
            received_at=datetime.now(UTC),
        )

    def claimed(self, job: ImageJob) -> ImageJob:
        """By a dispatcher that died an hour ago, before it submitted."""
        claim = Claim(work_id=str(uuid4()), claimed_at=datetime.now(UTC) - timedelta(hours=1))
        self.put(Place(attempt=0, tier=TIERS[0]).key(job), msgspec.json.encode(claim))
        return job

    def narrow(self) -> None:
        """From now on the smallest tier has 520 MB for its images."""
        name = f"{self.address.batch_definitions}-{TIERS[0].name}"
        batch_api = clients.batch(self.address.batch_endpoint)
        (said,) = batch_api.describe_job_definitions(jobDefinitionName=name)["jobDefinitions"]
        container = said["containerProperties"]
        others = [pair for pair in container["environment"] if pair["name"] != "MEMORY_MB"]
        container["environment"] = [*others, {"name": "MEMORY_MB", "value": "712"}]
        batch_api.register_job_definition(
            jobDefinitionName=name,
            type="container",
            containerProperties=container,
            retryStrategy=said["retryStrategy"],
        )

    def run_twice(self, name: str, key: str) -> None:
        """A job that somebody submits by hand, twice."""
        batch_api = clients.batch(self.address.batch_endpoint)
        request = json.dumps(self.request(name, s3=self.url(key)))
        for _time in range(2):
            answer = batch_api.submit_job(
                jobName="by-hand",
                jobQueue=self.address.batch_queue,
                jobDefinition=f"{self.address.batch_definitions}-{TIERS[1].name}",
                containerOverrides={"command": ["batch", request]},
            )

            def status(job_id: str = answer["jobId"]) -> str:
                return str(batch_api.describe_jobs(jobs=[job_id])["jobs"][0]["status"])

            until(lambda: status() in {"SUCCEEDED", "FAILED"})
            assert status() == "SUCCEEDED"

    def hand_over(self, *jobs: ImageJob) -> None:
        """As a function does it whose estimate says nothing of a tier."""
        for job in jobs:
            body = msgspec.json.encode(HandOver(job=job, reason="It was handed over.")).decode()
            self.sqs.send_message(QueueUrl=self.address.overflow_queue_url, MessageBody=body)

    def announce(self, key: str) -> None:
        """To the recorder, as S3 does it."""
        SqsAnnouncements(self.sqs, self.address.records_queue_url, self.bucket).announce(key)

    def look(self, image: dict[str, Any]) -> None:
        """What the page reads, or signs for who looks at it: pictures, source and commit of one image."""
        identity = image["image_id"]
        found = [*self.keys(f"processed/acme/{identity}/"), *self.keys(f"originals/acme/{identity}/")]
        for key in (*found, *self.keys(f"results/{identity}/")):
            assert self.web.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        listed = self.web.list_objects_v2(Bucket=self.bucket, Prefix=f"{object_keys.INCOMING}{CUSTOMER}/")
        assert listed["ResponseMetadata"]["HTTPStatusCode"] == 200

    def page(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """The page's own function, asked by a customer who is logged in."""
        headers = {"Authorization": f"Bearer {self.cloud.page.issuer.token(CUSTOMER)}"}
        url = f"{self.cloud.page.url}{path}"
        answer = httpx.request(method, url, headers=headers, json=body, timeout=_MOST, trust_env=False)
        assert answer.status_code < FAULT, answer.text
        return answer

    def browse(self, image_id: str) -> None:
        """Uploads in parts from the first to the last, what waits, and one image: what the page asks S3 itself."""
        size = 3 * _PART
        begun = {"pipeline": "thumbnail", "name": "large.tif", "bytes": size}
        place = f"/api/multipart/thumbnail/{self.page('POST', '/api/multipart', begun).json()['upload']}"
        assert self.page("GET", "/api/multipart").json()["uploads"]
        assert self.page("GET", place).status_code == httpx.codes.OK
        assert self.page("POST", f"{place}/complete", {"bytes": size}).status_code == httpx.codes.CONFLICT
        assert self.page("DELETE", place).status_code == httpx.codes.NO_CONTENT
        assert self.page("GET", "/api/uploads").status_code == httpx.codes.OK
        assert self.page("GET", f"/api/images/{image_id}").json()["image"]["image_id"] == image_id

    def erase(self, image_id: str) -> None:
        """As a customer asks for it."""
        assert self.page("DELETE", f"/api/images/{image_id}").status_code == httpx.codes.ACCEPTED

    def keys(self, prefix: str) -> list[str]:
        found = self.owner.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in found for item in page.get("Contents", [])]

    def rows(self) -> dict[str, dict[str, Any]]:
        """What the ledger has, by the names of the images."""
        with Ledger(self.address.database_url) as ledger:
            return {row["name"]: row for row in ledger.last(1000)}

    def ended(self, *names: str) -> dict[str, dict[str, Any]]:
        until(lambda: set(names) <= set(self.rows()))
        return self.rows()

    def endings(self) -> Counter[str]:
        """How many commits there are of each image."""
        return Counter(key.split("/")[1] for key in self.keys(object_keys.RESULTS))

    def gone(self, *prefixes: str) -> None:
        """Until nothing is left under any of them."""
        until(lambda: not any(self.keys(prefix) for prefix in prefixes))

    def told(self, key: str) -> None:
        """Until it is written down that an object is no image, and it has waited for the reconciler's patience."""
        until(lambda: bool(self.keys(f"{object_keys.REFUSED}{object_keys.INCOMING}")))
        time.sleep(PATIENCE)
        assert self.keys(key) == [key]

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.cloud.folder.rglob("*.log")))

    def incoming(self, name: str) -> str:
        return f"{object_keys.INCOMING}{CUSTOMER}/thumbnail/upload-1/{name}"

    def request(self, name: str, **source: str) -> dict[str, str]:
        """`image` is its bytes as base64, or `s3` where it lies."""
        return {"customer": CUSTOMER, "pipeline": "thumbnail", "filename": name, "idempotency_key": name, **source}

    def url(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def _invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        client = clients.lambda_(self.address.lambda_endpoint)
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        assert not answer.get("FunctionError"), payload
        return payload


def until(condition: Callable[[], bool]) -> None:
    """Look now and then: what is waited for needs the processors."""
    deadline = time.monotonic() + _MOST
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.2)


def small(number: int = 0) -> bytes:
    return picture(64 + number)


def large(number: int = 0) -> bytes:
    """Of a megapixel, which is too much for the function."""
    return picture(1000 + number)


def heavy() -> bytes:
    """Of few pixels and many bytes: it is copied in parts."""
    return small(50) + bytes(2 * _PART)


def broken() -> bytes:
    return small(60)[:300]
