"""What Grafana tells somebody of. AWS's own alarms (infra/observability.py) need no Grafana; these add to them.

Each says what broke and what to do. Where it is sent to is Grafana's own business: contact points and policies.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import alerting
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.alerting import RelativeTimeRange

from dashboards import business, customer, document, names, operations
from dashboards.cloudwatch import NAMESPACE, aws, ours
from dashboards.document import plain
from dashboards.sql import Sql

#: Rules know no variables: what the stack is called by default.
STACK, METRICS_NAMESPACE, REGION = "picture-perfect", "PicturePerfect", "default"
_LITERAL = {NAMESPACE: METRICS_NAMESPACE, "$region": REGION}
_EXPRESSION = "__expr__"
_HOUR = 3600


class Watch(NamedTuple):
    """A rule: what is asked for, over how many seconds, and from where on it is too much."""

    uid: str
    title: str
    meaning: str
    queries: tuple[Builder[Dataquery], ...]
    seconds: int
    above: float
    #: The minutes that it must last.
    minutes: int = 0
    reducer: str = "sum"
    #: Of the reduced queries, `$RA`, `$RB`, …; the first alone where there is none.
    formula: str = ""
    no_data: str = "OK"
    severity: str = "warning"
    dashboard: str = names.OPERATIONS
    #: The panel of it that shows more.
    panel: str = ""


OPERATIONS = (
    Watch(
        "picture-perfect-blocked",
        "Messages are blocked",
        "The function process cannot even start: a bad deployment or setting. See its log; roll back or mend it within "
        "HOLD_HOURS, then nothing was lost.",
        (ours("Blocked", "Sum", period="300"),),
        900,
        0,
        severity="critical",
        panel="Blocked messages",
    ),
    Watch(
        "picture-perfect-failing",
        "Many images fail",
        "More than a tenth of the images of half an hour ended failed, of twenty at least. Operations, Failures by "
        "code, says why; docs/reference/codes.md what to do for each code.",
        (
            ours("Images", "Sum", {"status": "failed"}, period="300"),
            ours("Images", "Sum", {"status": "processed"}, period="300"),
        ),
        _HOUR // 2,
        0.1,
        minutes=10,
        formula="$RA / ($RA + $RB) * ($RA + $RB >= 20)",
        panel="Failures by code",
    ),
    Watch(
        "picture-perfect-reconciler-silent",
        "The reconciler does not run",
        "It says each hour what it found, nothing too, and has said nothing for three. See the log of admin, and "
        "the rule that starts it. Until it runs, what nobody speaks for waits.",
        (ours("Reconciled", "Sum", period="300"),),
        3 * _HOUR,
        1e9,  # no number of them is the trouble here
        no_data="Alerting",
        panel="What the reconciler did",
    ),
    Watch(
        "picture-perfect-reconciler-finds",
        "The reconciler takes images up",
        "Sources waited for hours, and nobody had said how they ended: an event was lost. Look at the logs of "
        "process and dispatch for their ids; they are being worked on again.",
        (ours("Reconciled", "Sum", period="300"),),
        2 * _HOUR,
        0,
        panel="What the reconciler did",
    ),
    Watch(
        "picture-perfect-ledger-late",
        "The ledger is late",
        "Commits have waited for a quarter of an hour to be recorded. Nothing is lost and images are processed as "
        "ever; see the log of record, and whether the database is up.",
        (aws("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", {"QueueName": f"{STACK}-records"}, period="300"),),
        900,
        900,
        minutes=5,
        reducer="max",
        panel="Oldest commit not recorded",
    ),
    Watch(
        "picture-perfect-dead-letters",
        "Messages were given up",
        "A dead-letter queue holds messages. Read one, mend its cause, then redrive the queue; it keeps them 14 days.",
        tuple(
            aws(
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                "Maximum",
                {"QueueName": f"{STACK}-{queue}-dead-letters"},
                period="300",
            )
            for queue in ("records", "overflow")
        ),
        900,
        0,
        reducer="max",
        formula="$RA + $RB",
        severity="critical",
        panel="Given up: dead letters",
    ),
    Watch(
        "picture-perfect-tried-in-vain",
        "Images are tried in vain",
        "More than twenty in an hour outgrew the function after they had begun, and were paid for twice. The "
        "estimates do not fit this architecture or these images: `pictureperfect calibrate`.",
        tuple(
            ours("HandedOver", "Sum", {"route": "lambda", "cause": cause}, period="300")
            for cause in ("out_of_memory", "timed_out")
        ),
        _HOUR,
        20,
        formula="$RA + $RB",
        panel="Handed over, by cause",
    ),
)
BUSINESS = (
    Watch(
        "picture-perfect-customer-fails",
        "A customer's images fail",
        "More than a fifth of what the customer {{ $labels.customer }} sent this month ended failed, of fifty at "
        "least. Its page says with which codes: tell it, with what docs/reference/codes.md says.",
        (
            Sql(
                """
                SELECT customer, sum(failed)::float8 / sum(images) AS failed FROM customer_months
                 WHERE month = date_trunc('month', now() AT TIME ZONE 'UTC')::date
                 GROUP BY customer HAVING sum(images) >= 50
                """
            ),
        ),
        _HOUR,
        0.2,
        reducer="last",
        dashboard=names.CUSTOMER,
        panel="Failures by code",
    ),
    Watch(
        "picture-perfect-dearer",
        "Images became dearer",
        "Yesterday a thousand images cost more than half as much again as in the four weeks before; there were a "
        "hundred at least. Business, Pipelines, says which; a new pipeline, larger images, or many that go to Batch "
        "one by one.",
        (
            Sql(
                """
                WITH days AS (
                    SELECT day = (now() AT TIME ZONE 'UTC')::date - 1 AS yesterday, images, usd FROM days_by_source
                     WHERE day BETWEEN (now() AT TIME ZONE 'UTC')::date - 29 AND (now() AT TIME ZONE 'UTC')::date - 1
                )
                SELECT sum(usd) FILTER (WHERE yesterday) / nullif(sum(images) FILTER (WHERE yesterday), 0)
                       / nullif(sum(usd) FILTER (WHERE NOT yesterday)
                                / nullif(sum(images) FILTER (WHERE NOT yesterday), 0), 0) AS times
                  FROM days HAVING sum(images) FILTER (WHERE yesterday) >= 100
                """
            ),
        ),
        _HOUR,
        1.5,
        reducer="last",
        dashboard=names.BUSINESS,
        panel="Pipelines",
    ),
    Watch(
        "picture-perfect-beyond-estimate",
        "Estimates are exceeded",
        "More than two in a hundred images of two days took more time, or more memory, than was thought possible. "
        "Calibrate anew on the architecture that the functions run on: `pictureperfect calibrate`.",
        (
            Sql(
                """
                SELECT greatest(sum(beyond_time), sum(beyond_memory))::float8 / nullif(sum(images), 0) AS share
                  FROM estimate_days WHERE day >= (now() AT TIME ZONE 'UTC')::date - 1
                """
            ),
        ),
        _HOUR,
        0.02,
        reducer="last",
        dashboard=names.BUSINESS,
        panel="Beyond the upper estimate",
    ),
)
_BOARDS = {
    board["uid"]: board for board in (document.of(module.build()) for module in (operations, business, customer))
}
#: What is judged by days and months need not wake an Aurora that sleeps more often: docs/how-to/dashboards.md has the price.
_GROUPS = (("Operations", "5m", OPERATIONS), ("Business", "6h", BUSINESS))


def build() -> dict[str, Any]:
    """The file that Grafana's provisioning reads.

    https://grafana.com/docs/grafana/v11.6/alerting/set-up/provision-alerting-resources/file-provisioning/
    """
    groups = [
        {
            "orgId": 1,
            "name": name,
            "folder": names.FOLDER,
            "interval": interval,
            "rules": [_rule(watch, name) for watch in watches],
        }
        for name, interval, watches in _GROUPS
    ]
    return {"apiVersion": 1, "groups": groups}


def _rule(watch: Watch, group: str) -> dict[str, Any]:
    rule = (
        alerting.Rule(watch.title)
        .uid(watch.uid)
        .rule_group(group)
        .folder_uid(names.FOLDER_UID)
        .condition("TooMuch")
        .for_val(f"{watch.minutes}m")
        .no_data_state("Alerting" if watch.no_data == "Alerting" else "OK")
        .exec_err_state("Error")
        .annotations({"summary": watch.title, "description": watch.meaning, **_shown(watch)})
        .labels({"severity": watch.severity, "application": STACK})
    )
    for number, query in enumerate(watch.queries):
        letter = chr(ord("A") + number)
        rule = rule.with_query(_asked(query, letter, watch.seconds))
        rule = rule.with_query(_expression(f"R{letter}", {"type": "reduce", "expression": letter, **_reduced(watch)}))
    judged = "RA"
    if watch.formula:
        rule = rule.with_query(_expression("Result", {"type": "math", "expression": watch.formula}))
        judged = "Result"
    condition = {"evaluator": {"type": "gt", "params": [watch.above]}}
    rule = rule.with_query(
        _expression("TooMuch", {"type": "threshold", "expression": judged, "conditions": [condition]})
    )
    made: dict[str, Any] = plain(rule.build())
    for known in ("folderUID", "ruleGroup", "orgID"):  # the group says it
        made.pop(known, None)
    return made


def _shown(watch: Watch) -> dict[str, str]:
    """Where Grafana leads whoever is told."""
    found = {panel["title"]: panel["id"] for panel in _BOARDS[watch.dashboard]["panels"]}
    return {"__dashboardUid__": watch.dashboard, "__panelId__": str(found[watch.panel])}


def _reduced(watch: Watch) -> dict[str, Any]:
    """CloudWatch sends nothing for no event, which a sum of two must take for none."""
    settings = {"mode": "replaceNN", "replaceWithValue": 0} if watch.formula else {"mode": "dropNN"}
    return {"reducer": watch.reducer, "settings": settings}


class _Model(Dataquery):
    """What is in a rule's query, as it stands."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    def to_json(self) -> dict[str, Any]:
        return dict(self.content)


class _Built(Builder[Dataquery]):
    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    def build(self) -> Dataquery:
        return _Model(self._content)


def _asked(query: Builder[Dataquery], letter: str, seconds: int) -> alerting.Query:
    model = plain(query.build())
    source = names.POSTGRES_UID if "rawSql" in model else names.CLOUDWATCH_UID
    kind = names.POSTGRES_TYPE if "rawSql" in model else names.CLOUDWATCH_TYPE
    model |= {"refId": letter, "datasource": {"type": kind, "uid": source}}
    model = {name: _LITERAL.get(value, value) if isinstance(value, str) else value for name, value in model.items()}
    return (
        alerting.Query(letter)
        .datasource_uid(source)
        .relative_time_range(RelativeTimeRange(from_val=seconds, to=0))
        .model(_Built(model))
    )


def _expression(name: str, content: Mapping[str, Any]) -> alerting.Query:
    source = {"type": _EXPRESSION, "uid": _EXPRESSION}
    return (
        alerting.Query(name)
        .datasource_uid(_EXPRESSION)
        .relative_time_range(RelativeTimeRange(from_val=0, to=0))
        .model(_Built({**content, "refId": name, "datasource": source}))
    )


def watches() -> Sequence[Watch]:
    """All of them."""
    return (*OPERATIONS, *BUSINESS)
