"""The embedded cloud under the synthesized policies, and helpers that send images through it."""

import base64
import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec

from core.adapters.aws.sqs import SqsAnnouncements
from core.domain import object_keys
from core.domain.identity import image_id, s3_identity
from core.domain.model import Door, HandOver, ImageJob, ObjectRef
from core.routing.batch_tiers import TIERS
from core.services.dispatch.attempts import DispatchAttempt
from core.services.dispatch.leases import DispatchSlot, Lease
from localcloud import clients
from localcloud.cloud import Cloud
from localcloud.config import Options
from localcloud.lambda_.function import Function
from localcloud.ledger import Ledger
from localcloud.s3_sqs_cloudwatch import resources
from pictureperfect.kafka.producer import KafkaRecord, RecordProducer
from tests.policies.conftest import DEPLOYMENT
from tests.support.aws.batch_job import picture
from tests.support.aws.kafka_events import batch, record
from tests.support.waiting import HANGS_AFTER, until

#: Operations that kill their process, or exhaust its memory.
FUNCTIONS = '''
import os, resource, signal
from pathlib import Path

__version__ = "1"

def kill(image, *, folder: str):
    """Kills its parent four times, three functions and one Batch job; the fifth run succeeds."""
    times = len(list(Path(folder).iterdir()))
    if times < 4:
        (Path(folder) / str(times)).touch()
        os.kill(os.getppid(), signal.SIGKILL)
    return image

def crash(image):
    """Kills its parent each time."""
    os.kill(os.getppid(), signal.SIGABRT)

def hoard(image):
    """Exhausts the memory unless the limit is 1 GB or more."""
    kept = []
    while resource.getrlimit(resource.RLIMIT_DATA)[0] < 1 << 30:
        kept.append(bytearray(os.urandom(1 << 20) * 16))
    return image
'''
_RENDITIONS = "renditions: [{name: small, outputs: [{format: jpeg}]}]\n"
CUSTOMER = "acme"
PATIENCE = 3.0  # seconds after which the reconciler hands a source over
FAULT = 500
_PART = 5 * 2**20  # bytes: the least of a part of a multipart upload, except the last


def options(folder: Path) -> Options:
    """A cloud with the deployment's resource names, whose function takes images below half a megapixel."""
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
        min_batch_seconds=1,
        reconcile_every=3600.0,
        reconcile_after=PATIENCE,
        consumers=1,
    )


class World:
    """Actions of customers, producers and operators, and their results."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.address = cloud, cloud.config
        self.bucket = self.address.bucket
        self.owner = clients.s3(self.address.endpoint)
        self.sqs = clients.sqs(self.address.endpoint)
        #: Makes the calls of the page, and those that it presigns.
        self.web = clients.s3(self.address.endpoint, cloud.credentials["web"])

    def set_notifications(self, *, on: bool) -> None:
        """Switch the bucket's notifications on or off."""
        if not on:
            self.owner.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration={})
            return
        urls = {
            "incoming": self.address.incoming_queue_url,
            "records": self.address.records_queue_url,
            "overflow": self.address.overflow_queue_url,
        }
        resources.add_notifications(self.owner, self.sqs, urls, self.bucket)

    def upload(self, name: str, body: bytes) -> None:
        """Upload as a browser with a presigned form: with the permissions of the page."""
        self.web.put_object(Bucket=self.bucket, Key=self.incoming_key(name), Body=body)

    def upload_multipart(self, name: str, body: bytes) -> None:
        """Upload in parts as the page presigns them; and begin another upload, and abort it."""
        place: Any = {"Bucket": self.bucket, "Key": self.incoming_key(name)}
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

    def put_unnotified(self, name: str, body: bytes) -> ObjectRef:
        """Upload as the owner, with a tag. Without notifications the source waits for the reconciler."""
        key = self.incoming_key(name)
        made = self.owner.put_object(Bucket=self.bucket, Key=key, Body=body, Tagging="project=autumn")
        return ObjectRef(bucket=self.bucket, key=key, version=made["VersionId"], etag=made["ETag"].strip('"'))

    def invoke_with_bytes(self, name: str, body: bytes) -> dict[str, Any]:
        return self._invoke("process", self.event(name, image=base64.b64encode(body).decode()))

    def invoke_by_reference(self, name: str, key: str) -> dict[str, Any]:
        return self._invoke("process", self.event(name, s3=self.s3_url(key)))

    def put_as_owner(self, key: str, body: bytes, **metadata: str) -> None:
        """Put an object as the bucket's owner."""
        self.owner.put_object(Bucket=self.bucket, Key=key, Body=body, Metadata=metadata)

    def invoke_killing(self, name: str) -> None:
        """Invoke asynchronously with an image that kills the function; only the failure document has its bytes."""
        client = clients.lambda_(self.address.lambda_endpoint)
        event = {**self.event(name, image=base64.b64encode(picture(80)).decode()), "pipeline": "kill"}
        client.invoke(FunctionName="process", InvocationType="Event", Payload=json.dumps(event))

    def produce_records(self, *items: KafkaRecord) -> None:
        lost: list[str] = []
        config = {"bootstrap.servers": self.address.kafka_bootstrap_servers}
        with RecordProducer(config, self.address.kafka_topic, lambda name, _why: lost.append(name)) as producing:
            for item in items:
                producing.send(item)
        assert lost == []

    def put_failure_documents(self, *documents: tuple[str, Any]) -> None:
        """Write failure documents as Lambda and its mappings do, by the role of `process`."""
        client = clients.s3(self.address.endpoint, self.cloud.credentials["process"])
        for source, document in documents:
            key = f"aws/lambda/{source}/{uuid4()}"
            client.put_object(Bucket=self.bucket, Key=key, Body=document.encode(), ContentType="application/json")

    def kafka_batch(self, topic: str, *values: bytes) -> dict[str, Any]:
        """A Kafka event of these values, and a last record without a customer."""
        records = [
            record(value, offset, topic=topic, pipeline="thumbnail", filename=f"{topic}-{offset}.jpg")
            for offset, value in enumerate(values)
        ]
        return batch(*records, record(b"nobody's", len(records), topic=topic, customer_id=None))

    def invoke_with_batch_twice(self, event: dict[str, Any]) -> None:
        """Invoke `process` twice with the event, as a mapping does that lost the first response."""
        for _delivery in range(2):
            answer = self.cloud.functions.process.invoke(event)
            assert answer.error is None, answer.payload

    def invoke_admin(self, action: str, **more: Any) -> dict[str, Any]:
        return self._invoke("admin", {"action": action, **more})

    def reconcile_first_page(self) -> dict[str, Any]:
        """A round that ends for lack of time after its first page, and stores its position."""
        short = replace(self.cloud.functions.admin.config, timeout=30.0)  # seconds: less than its reserve
        with Function(short, self.cloud.folder / "logs" / "short") as admin:
            answer = admin.invoke({"action": "reconcile"})
        assert answer.error is None, answer.payload
        payload: dict[str, Any] = answer.payload
        return payload

    def mark_reconciled(self, ref: ObjectRef, times: int) -> None:
        """Write the reconciler's markers, as if it had handed the source over `times` times."""
        identity = image_id(CUSTOMER, "thumbnail", *s3_identity(ref))
        for number in range(times):
            self.put_as_owner(f"{object_keys.RECONCILED}{identity}/{number}.json", b"{}")

    def job(self, name: str, key: str, pipeline: str = "thumbnail") -> ImageJob:
        """A job for the object at `key`."""
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

    def claim_and_abandon(self, job: ImageJob) -> ImageJob:
        """Claim the job as a dispatcher that died an hour ago, before it submitted."""
        claim = Lease(work_id=str(uuid4()), claimed_at=datetime.now(UTC) - timedelta(hours=1))
        self.put_as_owner(DispatchSlot(attempt=DispatchAttempt(), tier=TIERS[0]).key(job), msgspec.json.encode(claim))
        return job

    def shrink_smallest_tier(self) -> None:
        """Register the smallest tier anew with MEMORY_MB=712, which leaves 520 MB for images."""
        name = f"{self.address.batch_definitions}-{TIERS[0].name}"
        batch_api = clients.batch(self.address.batch_endpoint)
        (definition,) = batch_api.describe_job_definitions(jobDefinitionName=name)["jobDefinitions"]
        container = definition["containerProperties"]
        others = [pair for pair in container["environment"] if pair["name"] != "MEMORY_MB"]
        container["environment"] = [*others, {"name": "MEMORY_MB", "value": "712"}]
        batch_api.register_job_definition(
            jobDefinitionName=name,
            type="container",
            containerProperties=container,
            retryStrategy=definition["retryStrategy"],
        )

    def submit_job_twice(self, name: str, key: str) -> None:
        """Submit a job by hand, twice, each until it succeeds."""
        batch_api = clients.batch(self.address.batch_endpoint)
        request = json.dumps(self.event(name, s3=self.s3_url(key)))
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

    def send_hand_overs(self, *jobs: ImageJob) -> None:
        """Send jobs to the overflow queue, as a function does without an estimated tier."""
        for job in jobs:
            body = msgspec.json.encode(HandOver(job=job, reason="It was handed over.")).decode()
            self.sqs.send_message(QueueUrl=self.address.overflow_queue_url, MessageBody=body)

    def announce_commit(self, key: str) -> None:
        """Send a commit to the records queue, as S3's notification does."""
        SqsAnnouncements(self.sqs, self.address.records_queue_url, self.bucket).announce(key)

    def read_as_page(self, image: dict[str, Any]) -> None:
        """Read the renditions, source and commit of one image, as the page does or presigns."""
        identity = image["image_id"]
        found = [*self.keys(f"processed/acme/{identity}/"), *self.keys(f"originals/acme/{identity}/")]
        for key in (*found, *self.keys(f"results/{identity}/")):
            assert self.web.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        listed = self.web.list_objects_v2(Bucket=self.bucket, Prefix=f"{object_keys.INCOMING}{CUSTOMER}/")
        assert listed["ResponseMetadata"]["HTTPStatusCode"] == 200

    def call_page(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Call the function `web` as a customer who is logged in."""
        headers = {"Authorization": f"Bearer {self.cloud.login.token(CUSTOMER)}"}
        url = f"{self.cloud.config.page_url}{path}"
        answer = httpx.request(method, url, headers=headers, json=body, timeout=HANGS_AFTER, trust_env=False)
        assert answer.status_code < FAULT, answer.text
        return answer

    def call_page_api(self, image_id: str) -> None:
        """Call the routes of the page that make calls to S3: multipart uploads, waiting uploads, one image."""
        size = 3 * _PART
        begun = {"pipeline": "thumbnail", "name": "large.tif", "bytes": size}
        place = f"/api/multipart/thumbnail/{self.call_page('POST', '/api/multipart', begun).json()['upload']}"
        assert self.call_page("GET", "/api/multipart").json()["uploads"]
        assert self.call_page("GET", place).status_code == httpx.codes.OK
        assert self.call_page("POST", f"{place}/complete", {"bytes": size}).status_code == httpx.codes.CONFLICT
        assert self.call_page("DELETE", place).status_code == httpx.codes.NO_CONTENT
        assert self.call_page("GET", "/api/uploads").status_code == httpx.codes.OK
        assert self.call_page("GET", f"/api/images/{image_id}").json()["image"]["image_id"] == image_id

    def erase_as_customer(self, image_id: str) -> None:
        """Erase an image by the page's API."""
        assert self.call_page("DELETE", f"/api/images/{image_id}").status_code == httpx.codes.ACCEPTED

    def keys(self, prefix: str) -> list[str]:
        found = self.owner.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in found for item in page.get("Contents", [])]

    def rows(self) -> dict[str, dict[str, Any]]:
        """The ledger's rows, by the images' names."""
        with Ledger(self.address.database_url) as ledger:
            return {row["name"]: row for row in ledger.last(1000)}

    def wait_for_rows(self, *names: str) -> dict[str, dict[str, Any]]:
        until(lambda: set(names) <= set(self.rows()))
        return self.rows()

    def count_commits(self) -> Counter[str]:
        """The number of commits of each image."""
        return Counter(key.split("/")[1] for key in self.keys(object_keys.RESULTS))

    def wait_until_deleted(self, *prefixes: str) -> None:
        """Wait until no object is left under any of the prefixes."""
        until(lambda: not any(self.keys(prefix) for prefix in prefixes))

    def wait_until_refused(self, key: str) -> None:
        """Wait for the document that refuses the object at `key`, then for PATIENCE; the object must still be there."""
        until(lambda: bool(self.keys(f"{object_keys.REFUSED}{object_keys.INCOMING}")))
        time.sleep(PATIENCE)
        assert self.keys(key) == [key]

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.cloud.folder.rglob("*.log")))

    def incoming_key(self, name: str) -> str:
        return f"{object_keys.INCOMING}{CUSTOMER}/thumbnail/upload-1/{name}"

    def event(self, name: str, **source: str) -> dict[str, str]:
        """An event for `process`. `source` is `image`, base64, or `s3`, a URL."""
        return {"customer": CUSTOMER, "pipeline": "thumbnail", "filename": name, "idempotency_key": name, **source}

    def s3_url(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def _invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        client = clients.lambda_(self.address.lambda_endpoint)
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
        payload: dict[str, Any] = json.loads(answer["Payload"].read())
        assert not answer.get("FunctionError"), payload
        return payload


def small(number: int = 0) -> bytes:
    return picture(64 + number)


def large(number: int = 0) -> bytes:
    """A megapixel: too large for the function."""
    return picture(1000 + number)


def heavy() -> bytes:
    """Few pixels and many bytes, so that S3 copies it in parts."""
    return small(50) + bytes(2 * _PART)


def broken() -> bytes:
    return small(60)[:300]
