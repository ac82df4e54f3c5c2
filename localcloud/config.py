"""The configuration of an embedded cloud: options at its start, and the endpoints and names of a running one."""

import os
from pathlib import Path

import msgspec

from core.routing.job_definitions import DEFAULT_PREFIX
from localcloud import clients

NAMESPACE = "PicturePerfect"
TOPIC = "images"
GROUP = "picture-perfect"
BATCH_QUEUE, BATCH_DEFINITIONS = "picture-perfect", DEFAULT_PREFIX


class CloudConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoints and names of a running cloud. Other processes read them from `cloud.json`."""

    pid: int
    #: Endpoint of S3, SQS, CloudWatch and IAM.
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
    #: Prefix of the job definitions' names.
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
        """The objects that direct invokes and Kafka records may refer to, as the setting REFERENCES."""
        return f"s3://{self.bucket}/library/{{customer}}/"

    def process_environment(self) -> dict[str, str]:
        """The environment of the function `process` and of Batch jobs."""
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

    def dispatch_environment(self) -> dict[str, str]:
        """The environment of the function `dispatch`."""
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

    def record_environment(self) -> dict[str, str]:
        """The environment of the function `record`, and of `migrate`."""
        return {
            **clients.environment(self.endpoint),
            "BUCKET": self.bucket,
            "DATABASE_URL": self.database_url,
            "RECORDS_QUEUE_URL": self.records_queue_url,
        }

    def admin_environment(self) -> dict[str, str]:
        """The environment of the function `admin`, which dispatches and records."""
        return {**self.dispatch_environment(), **self.record_environment()}

    def web_environment(self) -> dict[str, str]:
        """The environment of the function `web`; its database user can only read."""
        reader = self.database_url.replace("//postgres@", "//picture_perfect_web@")
        return {**clients.environment(self.endpoint), "BUCKET": self.bucket, "DATABASE_URL": reader}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a cloud at its start. Times are in seconds."""

    #: `name` in infra/settings.toml: bucket, queues and Batch get the names that the policies of the deployment's roles
    #: refer to. Empty: the default names.
    deployment: str = ""
    pipelines: str = ""
    #: A company's own operations, as the setting OPERATIONS, and their PYTHONPATH.
    operations: str = ""
    python_path: str = ""
    #: Time-out of the function `process`, and upper limit of those of `record` and `dispatch`.
    timeout: float = 60.0
    memory_mb: int = 2048
    #: As the setting LAMBDA_MAX_MEGAPIXELS: larger images go to Batch. 0: the estimate decides.
    lambda_max_megapixels: float = 0.0
    concurrency: int = max(2, min(8, os.cpu_count() or 2))
    #: Wait before the first retry of an asynchronous invocation; AWS waits a minute.
    backoff: float = 0.5
    #: vCPUs of all running Batch jobs, as a compute environment's maxvCpus. They share this machine's processors.
    batch_vcpus: int = 16
    #: The shortest attemptDurationSeconds that Batch accepts; AWS has 60.
    min_batch_seconds: int = 60
    #: Interval of the reconciler, and the age from which it hands over a source without a result.
    reconcile_every: float = 60.0
    reconcile_after: float = 600.0
    #: Port of the page, Lambda's and Batch's API. 0: any free one.
    page_port: int = 0
    #: Consumers of the Kafka topic, each with one batch at a time, and the most records of a batch.
    consumers: int = 1
    kafka_batch: int = 25


def state_file(folder: Path) -> Path:
    return folder / "cloud.json"


def running(folder: Path) -> CloudConfig | None:
    """The running cloud whose state file is in `folder`; None if there is no file or its process has ended."""
    try:
        config = msgspec.json.decode(state_file(folder).read_bytes(), type=CloudConfig)
        os.kill(config.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return config
