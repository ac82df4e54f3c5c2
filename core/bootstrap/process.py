"""`handler.process` and `batch`: the service that processes images."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from core.bootstrap.worker import with_custom_operations, worker_pool
from core.domain.model import Route
from core.imaging.operations import OPERATIONS
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.loader import load_folder
from core.ports.worker import SCRATCH
from core.routing import cost_table
from core.routing.plan import MB_PER_VCPU, Limits
from core.settings import entries

if TYPE_CHECKING:
    from core.services.processing.process import Processing


def processing(environ: Mapping[str, str], route: Route) -> "Processing":
    """The service of the entries that touch images."""
    values = entries.load(entries.ProcessSettings, environ)
    if route is Route.LAMBDA:  # one image at a time: scratch folders are those of images killed at the time-out
        for stale in Path(values.work_dir).glob(f"{SCRATCH}*"):
            shutil.rmtree(stale, ignore_errors=True)
    pool = worker_pool(environ, values, values.workers)
    # The child loads OpenCV while this process loads boto3
    from core.adapters.aws.s3 import S3Store  # noqa: PLC0415
    from core.adapters.aws.sqs import SqsAnnouncements, SqsHandovers  # noqa: PLC0415
    from core.adapters.emf import EmfMetrics  # noqa: PLC0415
    from core.bootstrap import clients  # noqa: PLC0415
    from core.services.processing.process import Processing  # noqa: PLC0415

    return Processing(
        store=S3Store(clients.s3(), values.bucket),
        announcements=SqsAnnouncements(clients.sqs(), values.records_queue_url, values.bucket),
        metrics=EmfMetrics(sys.stdout, values.metrics_namespace),
        worker=pool,
        pipelines=load_folder(
            Path(values.pipelines) if values.pipelines else SHIPPED_FOLDER,
            with_custom_operations(pool.operations()) if values.operations.split() else OPERATIONS,
        ),
        limits=Limits(
            max_megapixels=values.max_megapixels,
            max_bytes=values.max_bytes,
            lambda_max_megapixels=values.lambda_max_megapixels,
            policy=values.policy,
            max_seconds=values.timeout_seconds,
        ),
        estimate=cost_table.estimator(os.uname().machine, values.costs),
        references=tuple(values.references.split()),
        route=route,
        public_base_url=values.public_base_url,
        vcpus=values.memory_mb / MB_PER_VCPU if route is Route.LAMBDA else float(os.cpu_count() or 1),
        memory_mb=values.memory_mb,
        handovers=SqsHandovers(clients.sqs(), values.overflow_queue_url) if values.overflow_queue_url else None,
        work_dir=Path(values.work_dir),
        timeout_seconds=values.timeout_seconds,
    )
