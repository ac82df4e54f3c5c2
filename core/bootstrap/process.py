"""`handler.process` and `batch`: the services that accept and process images."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from core.bootstrap import intake
from core.bootstrap.worker import start_worker_pool, with_custom_operations
from core.domain.model import Route
from core.imaging.operations import OPERATIONS
from core.pipelines import SHIPPED_FOLDER
from core.pipelines.loader import load_folder
from core.ports.worker import SCRATCH
from core.routing import cost_table
from core.routing.plan import MB_PER_VCPU, Limits
from core.services.intake.accept import ImageAcceptor
from core.services.processing.commit import ResultCommitter
from core.services.processing.process import ImageProcessor
from core.settings import entries


def image_processor(environ: Mapping[str, str], route: Route) -> ImageProcessor:
    """The service that processes images, its worker started. Raises Misconfigured(INVALID_SETTINGS)."""
    values = entries.load(entries.ProcessSettings, environ)
    if route is Route.LAMBDA:  # one event at a time: scratch folders are left of images killed at the time-out
        for stale in Path(values.work_dir).glob(f"{SCRATCH}*"):
            shutil.rmtree(stale, ignore_errors=True)
    pool = start_worker_pool(environ, values, values.workers)
    from core.bootstrap import objects, process_queues  # noqa: PLC0415 - boto3 loads here while the child loads OpenCV

    return ImageProcessor(
        committer=objects.result_committer(values.bucket, values.metrics_namespace),
        announcements=process_queues.announcements(values),
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
        route=route,
        public_base_url=values.public_base_url,
        vcpus=values.memory_mb / MB_PER_VCPU if route is Route.LAMBDA else float(os.cpu_count() or 1),
        memory_mb=values.memory_mb,
        handovers=process_queues.handovers(values),
        work_dir=Path(values.work_dir),
        timeout_seconds=values.timeout_seconds,
    )


def image_acceptor(environ: Mapping[str, str], committer: ResultCommitter) -> ImageAcceptor:
    """The service that makes jobs of requests and Kafka records."""
    return intake.image_acceptor(entries.load(entries.ProcessSettings, environ), committer)
