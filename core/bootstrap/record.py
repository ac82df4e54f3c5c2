"""`handler.record` and `replay`: from results to originals and the ledger."""

from collections.abc import Mapping

from core.bootstrap.database import ledger
from core.bootstrap.objects import store
from core.services.recorder import Recorder
from core.settings import entries


def recorder(environ: Mapping[str, str]) -> Recorder:
    """The service of the recorder."""
    values = entries.load(entries.RecordSettings, environ)
    return Recorder(store=store(values.bucket), ledger=ledger(values))
