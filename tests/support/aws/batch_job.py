"""Batch containers as processes, with a bucket, queues, and pipelines whose operations use up memory or wait."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import cv2
import msgspec
import numpy as np

from core.domain import object_keys
from core.domain.model import Estimate, HandOver, ObjectRef, Result
from core.services.dispatch.job_documents import BatchWork
from localcloud import clients
from localcloud.lambda_.sandbox_process import ROOT
from tests.support.values import NOW, upload_job
from tests.support.waiting import until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

FUNCTIONS = '''
import os, time
from pathlib import Path

__version__ = "1"

def hoard(image):
    """Takes memory without end."""
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1 << 20) * 16))

def linger(image, *, folder: str):
    """Says that it is at work, and ends when it is told to."""
    (Path(folder) / "here").touch()
    while not (Path(folder) / "go").exists():
        time.sleep(0.02)
    return image
'''


@dataclass
class Job:
    """The settings, pipelines and documents of Batch jobs."""

    s3: "S3Client"
    bucket: str
    folder: Path
    environment: dict[str, str]
    small: bytes = field(default_factory=lambda: picture(64))

    def image(self, pipeline: str = "thumbnail", seconds: float = 5.0) -> HandOver:
        """An upload that was handed over with an estimate of `seconds`."""
        identity = str(uuid4())
        place = ObjectRef(bucket=self.bucket, key=f"incoming/acme/{pipeline}/{identity}/a.jpg")
        self.s3.put_object(Bucket=self.bucket, Key=place.key, Body=self.small)
        job = upload_job(place, identity, pipeline=pipeline)
        estimate = Estimate(
            cpu_seconds=seconds, cpu_seconds_upper=seconds, parallel=0, peak_bytes=1, peak_bytes_upper=1
        )
        return HandOver(job=job, reason="It was asked for.", tier="1x2", estimate=estimate)

    def submit(self, *shares: tuple[HandOver, ...], tier: str = "1x2", timeout: int = 600) -> str:
        work = BatchWork(work_id=str(uuid4()), tier=tier, shares=shares, timeout_seconds=timeout, created_at=NOW)
        self.s3.put_object(Bucket=self.bucket, Key=work.key, Body=msgspec.json.encode(work))
        return work.key

    @contextmanager
    def started(self, *arguments: str, **environment: str) -> "Iterator[subprocess.Popen[str]]":
        process = subprocess.Popen(
            [sys.executable, "-m", "batch", *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        with self.started(*arguments, **environment) as process:
            out, err = process.communicate(timeout=600)
            return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def results(self, image: HandOver) -> list[Result]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{object_keys.RESULTS}{image.job.image_id}/")
        return [
            msgspec.json.decode(self.s3.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read(), type=Result)
            for item in listed.get("Contents", [])
        ]

    def wait_for_linger(self) -> None:
        until((self.folder / "here").exists)


def picture(size: int) -> bytes:
    encoded, body = cv2.imencode(".jpg", np.full((size, size, 3), 127, np.uint8))
    assert encoded
    return body.tobytes()


def job(cloud: str, s3: "S3Client", bucket: str, sqs: "SQSClient", tmp_path: Path) -> Job:
    """The surroundings of a job, without a document yet."""
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    pipelines = tmp_path / "pipelines"
    pipelines.mkdir()
    rendition = "renditions: [{name: small, outputs: [{format: jpeg}]}]\n"
    (pipelines / "thumbnail.yaml").write_text(rendition)
    (pipelines / "hoard.yaml").write_text(f"steps: [hoard]\n{rendition}")
    (pipelines / "linger.yaml").write_text(f"steps: [{{linger: {{folder: '{tmp_path}'}}}}]\n{rendition}")
    (tmp_path / "scratch").mkdir()
    environment = {
        **clients.environment(cloud),
        "PATH": os.defpath,
        "BUCKET": bucket,
        "RECORDS_QUEUE_URL": sqs.create_queue(QueueName=f"records-{uuid4()}")["QueueUrl"],
        "OVERFLOW_QUEUE_URL": sqs.create_queue(QueueName=f"overflow-{uuid4()}")["QueueUrl"],
        "PUBLIC_BASE_URL": "https://images.example",
        "PIPELINES": str(pipelines),
        "OPERATIONS": "functions:hoard functions:linger",
        "PYTHONPATH": str(tmp_path),
        "WORK_DIR": str(tmp_path / "scratch"),
        "MEMORY_MB": "712",
    }
    return Job(s3, bucket, tmp_path, environment)
