"""`handler.admin` and the command line: the reconciler, and the operator's function."""

from collections.abc import Mapping
from datetime import timedelta

from core.adapters.aws.report_function import FunctionReports
from core.bootstrap import clients
from core.bootstrap.objects import result_committer
from core.services.reconciler import Reconciler
from core.settings import entries


def reconciler(environ: Mapping[str, str]) -> Reconciler:
    """The service that hands over sources that have been in `incoming/` for RECONCILE_AFTER_HOURS."""
    values = entries.load(entries.ReconcileSettings, environ)
    return Reconciler(
        committer=result_committer(values.bucket, values.metrics_namespace),
        min_age=timedelta(hours=values.reconcile_after_hours),
        max_hand_overs=values.reconcile_times,
    )


def function_reports(function: str) -> FunctionReports:
    """Reports asked of the operator's function in AWS, by its name or ARN."""
    return FunctionReports(clients.lambda_(), function)
