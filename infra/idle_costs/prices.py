"""The price file of idle costs."""

from pathlib import Path

import msgspec

_FILE = Path(__file__).parent / "prices.json"


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars, on demand. `free_…` are the monthly allowances of an account that never expire."""

    region: str
    date: str
    sources: tuple[str, ...]
    hours: float
    alarm: float
    free_alarms: int
    dashboard: float
    free_dashboards: int
    metric: float
    free_metrics: int
    metric_read: float
    log_gb: float
    log_gb_month: float
    secret: float
    sqs_request: float
    free_sqs_requests: float
    free_gb_seconds: float
    ecr_gb_month: float
    aurora_acu_hour: float
    aurora_gb_month: float
    aurora_backup_gb_month: float
    interface_endpoint_hour: float
    event_poller_unit_hour: float
    pollers_of_a_unit: int
    active_user: float
    free_active_users: int


def load_prices() -> Prices:
    """The price file of this release. Its `sources` are AWS's price pages, its `date` when they were read."""
    return msgspec.json.decode(_FILE.read_bytes(), type=Prices)
