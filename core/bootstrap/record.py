"""`handler.record` and `replay`: from results to originals and the ledger."""

from collections.abc import Mapping

from core.adapters.aws.s3 import S3Store
from core.bootstrap import clients
from core.bootstrap.database import ledger
from core.services.recorder import Recorder
from core.settings import entries


def recorder(environ: Mapping[str, str]) -> Recorder:
    """The service of the recorder."""
    values = entries.load(entries.RecordSettings, environ)
    return Recorder(store=S3Store(clients.s3(), values.bucket), ledger=ledger(values))
