"""The objects of one bucket, and the committer that writes results to it. Importing this module loads boto3."""

import sys

from core.adapters.aws.s3 import S3Store
from core.adapters.emf import EmfMetrics
from core.bootstrap import clients
from core.services.processing.commit import ResultCommitter


def store(bucket: str) -> S3Store:
    """The objects of one bucket."""
    return S3Store(clients.s3(), bucket)


def result_committer(bucket: str, metrics_namespace: str) -> ResultCommitter:
    """Writes results to `bucket`, and metrics of CloudWatch's `metrics_namespace` to stdout."""
    return ResultCommitter(store=store(bucket), metrics=EmfMetrics(sys.stdout, metrics_namespace))
