"""`handler.admin` and the command line: the reconciler, one bucket's store, the operator's function."""

import sys
from collections.abc import Mapping
from datetime import timedelta

from core.adapters.aws.report_function import FunctionReports
from core.adapters.aws.s3 import S3Store
from core.adapters.emf import EmfMetrics
from core.bootstrap import clients
from core.services.processing.commit import ResultCommitter
from core.services.reconciler import Reconciler
from core.settings import entries


def reconciler(environ: Mapping[str, str]) -> Reconciler:
    """The service that hands over sources that have been in `incoming/` for RECONCILE_AFTER_HOURS."""
    values = entries.load(entries.ReconcileSettings, environ)
    return Reconciler(
        committer=ResultCommitter(store=store(values.bucket), metrics=EmfMetrics(sys.stdout, values.metrics_namespace)),
        min_age=timedelta(hours=values.reconcile_after_hours),
        max_hand_overs=values.reconcile_times,
    )


def store(bucket: str) -> S3Store:
    """The objects of one bucket."""
    return S3Store(clients.s3(), bucket)


def function_reports(function: str) -> FunctionReports:
    """Reports asked of the operator's function in AWS, by its name or ARN."""
    return FunctionReports(clients.lambda_(), function)
