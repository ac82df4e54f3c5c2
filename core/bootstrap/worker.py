"""The worker and the catalogue of operations, a company's own functions included. No AWS client is loaded."""

from collections.abc import Iterable, Mapping
from functools import partial

from core.imaging.operations import OPERATIONS, Catalogue
from core.imaging.operations.custom_operation import Description, build
from core.routing.batch_tiers import worker_bytes
from core.settings import entries
from core.worker.pool import WorkerPool
from core.worker.supervisor import SupervisedWorker

_SECRETS = ("AWS_", "DATABASE_URL")  # prefixes of variables that the child does not get


def start_worker(environ: Mapping[str, str]) -> SupervisedWorker:
    """One worker, without a cloud. Raises Misconfigured(INVALID_SETTINGS)."""
    values = entries.load(entries.WorkerSettings, environ)
    return _start(_worker_environ(environ), values, worker_bytes(values.memory_mb), values.threads)


def start_worker_pool(environ: Mapping[str, str], values: entries.WorkerSettings, workers: int) -> WorkerPool:
    """Up to `workers` workers, the first of them started."""
    start = partial(_start, _worker_environ(environ), values)
    return WorkerPool(start, worker_bytes(values.memory_mb), values.threads, workers)


def load_catalogue(environ: Mapping[str, str]) -> Catalogue:
    """The operations that pipelines may use, OPERATIONS' functions included; a child is started to read these."""
    if not entries.load(entries.WorkerSettings, environ).operations.split():
        return OPERATIONS
    child = start_worker(environ)
    try:
        return with_custom_operations(child.operations())
    finally:
        child.close()


def with_custom_operations(descriptions: Iterable[Description]) -> Catalogue:
    """The shipped operations and the company's own."""
    return {**OPERATIONS, **{description.name: build(description) for description in descriptions}}


def _start(
    environ: Mapping[str, str], values: entries.WorkerSettings, memory_bytes: int, threads: int
) -> SupervisedWorker:
    return SupervisedWorker(memory_bytes, threads, environ, functions=values.operations.split())


def _worker_environ(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(_SECRETS)}
