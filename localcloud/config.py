"""Where a running cloud is, and what may be chosen of one. Read by commands that have no use for the cloud itself."""

import os
from pathlib import Path

import msgspec

from core.routing.job_definitions import DEFAULT_PREFIX
from localcloud import clients

NAMESPACE = "PicturePerfect"
TOPIC = "images"
GROUP = "picture-perfect"
BATCH_QUEUE, BATCH_DEFINITIONS = "picture-perfect", DEFAULT_PREFIX


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything of a running cloud is; other processes read it from `cloud.json`."""

    pid: int
    endpoint: str
    lambda_endpoint: str
    batch_endpoint: str
    bucket: str
    incoming_queue_url: str
    records_queue_url: str
    dead_letter_queue_url: str
    overflow_queue_url: str
    overflow_dead_letter_queue_url: str
    batch_queue: str = BATCH_QUEUE
    batch_definitions: str = BATCH_DEFINITIONS
    kafka_bootstrap_servers: str
    kafka_topic: str
    database_url: str
    page_url: str
    folder: str

    @property
    def public_base_url(self) -> str:
        return f"{self.endpoint}/{self.bucket}"

    @property
    def references(self) -> str:
        return f"s3://{self.bucket}/library/{{customer}}/"

    def processing(self) -> dict[str, str]:
        """The environment of the entries that touch images."""
        return {
            **clients.environment(self.endpoint),
            "BUCKET": self.bucket,
            "RECORDS_QUEUE_URL": self.records_queue_url,
            "OVERFLOW_QUEUE_URL": self.overflow_queue_url,
            "REPORT_BATCH_ITEM_FAILURES": "true",
            "PUBLIC_BASE_URL": self.public_base_url,
            "REFERENCES": self.references,
            "METRICS_NAMESPACE": NAMESPACE,
        }

    def dispatching(self) -> dict[str, str]:
        """The environment of the dispatcher, and of the reconciler."""
        return {
            **clients.environment(self.endpoint),
            "AWS_ENDPOINT_URL_BATCH": self.batch_endpoint,
            "BUCKET": self.bucket,
            "RECORDS_QUEUE_URL": self.records_queue_url,
            "REFERENCES": self.references,
            "METRICS_NAMESPACE": NAMESPACE,
            "BATCH_QUEUE": self.batch_queue,
            "BATCH_DEFINITIONS": self.batch_definitions,
            "SUBMITS_PER_SECOND": "50",
        }

    def recording(self) -> dict[str, str]:
        """The environment of the entries that know the database."""
        return {
            **clients.environment(self.endpoint),
            "BUCKET": self.bucket,
            "DATABASE_URL": self.database_url,
            "RECORDS_QUEUE_URL": self.records_queue_url,
        }

    def page(self) -> dict[str, str]:
        """The environment of the page's function: its user of the database may read alone."""
        reader = self.database_url.replace("//postgres@", "//picture_perfect_web@")
        return {**clients.environment(self.endpoint), "BUCKET": self.bucket, "DATABASE_URL": reader}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What may be chosen of a cloud. Seconds and MB."""

    #: A deployment's name, `name` in infra/settings.toml: bucket, queues and Batch are called as there, which the
    #: policies of its roles must find. Names of the embedded cloud's own, if there is none.
    deployment: str = ""
    pipelines: str = ""
    #: A company's own functions, as the setting OPERATIONS has them, and where Python finds them.
    operations: str = ""
    python_path: str = ""
    timeout: float = 60.0
    memory_mb: int = 2048
    #: As the setting LAMBDA_MAX_MEGAPIXELS: larger images go to Batch; 0: the estimate decides.
    lambda_max_megapixels: float = 0.0
    concurrency: int = max(2, min(8, os.cpu_count() or 2))
    backoff: float = 0.5
    #: What all Batch jobs together may have, as a compute environment's maxvCpus; here they share this machine's.
    batch_vcpus: int = 16
    #: The shortest time-out that a Batch job may ask for, in seconds; AWS has 60.
    least_batch_seconds: int = 60
    #: Seconds: between two looks of the reconciler, and how long a source waits until it is taken up again.
    reconcile_every: float = 60.0
    reconcile_after: float = 600.0
    #: The port of the page; 0: any that is free.
    page_port: int = 0
    #: Consumers of the Kafka topic, each with one batch at a time, and how many records a batch has at most.
    consumers: int = 1
    kafka_batch: int = 25


def running(folder: Path) -> Address | None:
    """The cloud whose state file lies in `folder`, if its process is alive."""
    try:
        address = msgspec.json.decode((folder / "cloud.json").read_bytes(), type=Address)
        os.kill(address.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return address
