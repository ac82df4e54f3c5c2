"""The monthly cost of parts that the shipped settings leave out."""

from collections.abc import Iterator

from infra.idle_costs.lines import Line, count_of, price_endpoints, price_pollers, without_allowance
from infra.idle_costs.prices import Prices
from infra.idle_costs.template import Template, count_alarm_metrics, event_source_mappings, properties_of

# Assumptions
_LEAST_ACU = 0.5  # of an Aurora that is not paused
_DASHBOARD_METRICS = 20


def price_options(default: Template, full: Template, prices: Prices) -> Iterator[Line]:
    """One line for each option. `default`: the template of the shipped settings; `full`: one with every option."""
    alarms = count_alarm_metrics(full) - count_alarm_metrics(default)
    topics = len(event_source_mappings(full, "kafka"))
    yield without_allowance(
        f"Kafka on demand, {count_of(topics, 'topic')}",
        alarms * prices.alarm,
        f"alarms on {count_of(alarms, 'more metric')}; the event source mapping is free, the brokers are the company's",
    )
    yield from (line for price in (price_endpoints, price_pollers) for line in [price(full, prices)] if line)
    distributions = len(properties_of(full, "AWS::CloudFront::Distribution"))
    yield without_allowance(
        f"CloudFront, {count_of(distributions, 'distribution')}, `storage.cloudfront`",
        0.0,
        "nothing without viewers; the first TB and 10 million requests a month are free",
    )
    yield without_allowance(
        "Grafana, or another client, that keeps Aurora awake",
        _LEAST_ACU * prices.aurora_acu_hour * prices.hours,
        f"{_LEAST_ACU} ACU at ${prices.aurora_acu_hour} an hour, day and night: a panel that queries PostgreSQL more "
        f"often "
        "than every `database.pause_after_minutes`",
    )
    yield without_allowance(
        "Grafana that reads CloudWatch",
        _DASHBOARD_METRICS * prices.metric_read * 60 * prices.hours,
        f"{_DASHBOARD_METRICS} metrics every minute, day and night, at ${1000 * prices.metric_read:.2f} a thousand; "
        f"a closed "
        "dashboard reads nothing",
    )
    yield without_allowance(
        "each metric that images cause",
        prices.metric,
        "for the hours of the month in which it was sent; without images only `Reconciled` is sent",
    )
    yield without_allowance(
        f"Cognito, each active user beyond {prices.free_active_users:,}",
        prices.active_user,
        "users who do not log in are free",
    )
    yield without_allowance(
        "logs, each GB stored",
        prices.log_gb_month,
        f"and ${prices.log_gb:.2f} when it is written; `functions.log_days` deletes it",
    )
