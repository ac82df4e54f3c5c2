"""Every alert, declared once: for CloudWatch (infra.constructs.alarms) and for Grafana (dashboards.alert_rules).

Pure values. `[alarms]` in settings.toml replaces the thresholds of the CloudWatch alarms that name a `setting`. The
table is not in `core`: that is part of the container image, and a new threshold needs no new image.
"""

from core.domain.errors import Code
from core.domain.model import Door, Status
from core.ports.metric_catalogue import REFUSED, Cause
from infra.alerts.values import Alarm, Alert, Metric, Rule

_SQS, _LAMBDA = "AWS/SQS", "AWS/Lambda"


def _images(status: Status) -> Metric:
    return Metric("Images", (("status", status),))


def _oldest_message(queue: str) -> Metric:
    return Metric("ApproximateAgeOfOldestMessage", (("QueueName", f"{{stack}}-{queue}"),), _SQS, "Maximum")


def _dead_letters(queue: str) -> Metric:
    dimensions = (("QueueName", f"{{stack}}-{queue}-dead-letters"),)
    return Metric("ApproximateNumberOfMessagesVisible", dimensions, _SQS, "Maximum")


def _function(entry: str, name: str, statistic: str = "Sum") -> Metric:
    return Metric(name, (("FunctionName", f"{{stack}}-{entry}"),), _LAMBDA, statistic)


def _refused(door: Door, codes: tuple[str, ...]) -> tuple[Metric, ...]:
    return tuple(Metric("Refused", (("source", door), ("code", code))) for code in codes)


BLOCKED = Alert(
    "See the log of process, and roll back or fix the deployment. Messages wait for functions.hold_hours, then go to "
    "Batch; none is lost.",
    (Alarm("Blocked", (Metric("Blocked"),), "The function process cannot start, so its messages wait.", 1),),
    Rule(
        uid="picture-perfect-blocked",
        title="Messages are blocked",
        condition="The function process cannot start, so its messages wait.",
        above=0,
        window_minutes=15,
        metrics=(Metric("Blocked"),),
        severity="critical",
        panel="Blocked messages",
    ),
)
FAILED = Alert(
    "The panel *Failures by code*, or the log lines with status failed, give the codes; docs/reference/codes.md says "
    "what to do for each.",
    (
        Alarm(
            "Failed",
            (_images(Status.FAILED),),
            "At least {threshold:g} images ended failed in five minutes.",
            20,
            setting="failed_images",
        ),
    ),
    Rule(
        uid="picture-perfect-failing",
        title="Many images fail",
        condition="More than {threshold:.0%} of the images of 30 minutes ended failed, and at least 20 ended.",
        above=0.1,
        window_minutes=30,
        for_minutes=10,
        metrics=(_images(Status.FAILED), _images(Status.PROCESSED)),
        formula="$RA / ($RA + $RB) * ($RA + $RB >= 20)",
        panel="Failures by code",
    ),
)
RECONCILED = Alert(
    "The reconciler hands each source over again, so its image should end. Look for the lost event by the images' ids "
    "in the logs of process and dispatch.",
    (
        Alarm(
            "Reconciled",
            (Metric("Reconciled"),),
            "The reconciler found {threshold:g} or more sources that had waited for functions.reconcile_after_hours "
            "without a result.",
            1,
            setting="reconciled_images",
        ),
    ),
    Rule(
        uid="picture-perfect-reconciler-finds",
        title="The reconciler finds images",
        condition="The reconciler found sources that had waited for functions.reconcile_after_hours without a result.",
        above=0,
        window_minutes=120,
        metrics=(Metric("Reconciled"),),
        panel="Reconciled, by outcome",
    ),
)
RECONCILER_SILENT = Alert(
    "See the log of admin, and whether the EventBridge rule that ends in -reconcile is enabled and may invoke admin. "
    "Images whose events were lost wait under incoming/ until the reconciler runs.",
    (
        Alarm(
            "ReconcilerSilent",
            (_function("admin", "Invocations"),),
            "The function admin was not invoked for three hours: the reconciler does not run.",
            1,
            period_minutes=60,
            periods=3,
            silence=True,
        ),
    ),
    Rule(
        uid="picture-perfect-reconciler-silent",
        title="The reconciler does not run",
        condition="The reconciler sends the metric Reconciled every hour, 0 too; there was none for three hours.",
        above=1e9,  # only missing data fires
        window_minutes=180,
        metrics=(Metric("Reconciled"),),
        no_data_alerts=True,
        panel="Reconciled, by outcome",
    ),
)
RECORDS_OLD = Alert(
    "Images are processed and committed, but not yet in the database; none is lost. See the log of record, and "
    "whether the database is up.",
    (
        Alarm(
            "RecordsOld",
            (_oldest_message("records"),),
            "The oldest message of the records queue is older than {minutes:g} minutes.",
            3600,
            setting="oldest_message_minutes",
            unit=60,
        ),
    ),
    Rule(
        uid="picture-perfect-ledger-late",
        title="The ledger is late",
        condition="The oldest message of the records queue is older than {minutes:g} minutes.",
        above=900,
        window_minutes=15,
        for_minutes=5,
        metrics=(_oldest_message("records"),),
        reducer="max",
        panel="Oldest commit not recorded",
    ),
)
OVERFLOW_OLD = Alert(
    "Images wait to be submitted to Batch. See the log of dispatch, and whether the Batch job queue is enabled and has "
    "capacity.",
    (
        Alarm(
            "OverflowOld",
            (_oldest_message("overflow"),),
            "The oldest message of the overflow queue is older than {minutes:g} minutes.",
            3600,
            setting="oldest_message_minutes",
            unit=60,
        ),
    ),
)
DEAD_LETTERS = Alert(
    "Read a message, fix its cause, then redrive the dead-letter queue. It keeps messages for 14 days.",
    (
        Alarm(
            "RecordsDeadLetters",
            (_dead_letters("records"),),
            "The dead-letter queue of records holds messages: commits that could not be written to the database.",
            1,
        ),
        Alarm(
            "OverflowDeadLetters",
            (_dead_letters("overflow"),),
            "The dead-letter queue of overflow holds messages: images that could not be submitted to Batch.",
            1,
        ),
    ),
    Rule(
        uid="picture-perfect-dead-letters",
        title="Dead-letter queues hold messages",
        condition="A message of the records or the overflow queue was received too often.",
        above=0,
        window_minutes=15,
        metrics=(_dead_letters("records"), _dead_letters("overflow")),
        reducer="max",
        formula="$RA + $RB",
        severity="critical",
        panel="Dead letters",
    ),
)
UPLOADS_REFUSED = Alert(
    "A document under refused/incoming/ names each object. Fix the program that uploads them, and copy the objects to "
    "keys that begin with incoming/<customer>/<pipeline>/<upload>/.",
    (
        Alarm(
            "UploadsRefused",
            _refused(Door.UPLOAD, (Code.INVALID_EVENT, Code.INVALID_REQUEST)),
            "Objects under incoming/ became no image, because their keys name no customer or pipeline.",
            1,
        ),
    ),
)
KAFKA_REFUSED = Alert(
    "Each record lies under refused/ in the bucket with the reason. Fix the producer, then produce the records again.",
    (
        Alarm(
            "KafkaRefused",
            _refused(Door.KAFKA, REFUSED.values),
            "At least {threshold:g} Kafka records became no image in five minutes, because their customer or their "
            "reference cannot be read.",
            1,
            setting="refused_records",
        ),
    ),
)
KAFKA_LAG = Alert(
    "Kafka is written faster than it is read. See the alarm ProcessThrottles, and the number of partitions: at most "
    "one function runs for each.",
    (
        Alarm(
            "KafkaLag",
            (_function("process", "OffsetLag", "Maximum"),),
            "At least {threshold:g} Kafka records are not yet read.",
            10_000,
            setting="kafka_lag_records",
        ),
    ),
)
THROTTLES = Alert(
    "Raise processing.reserved_concurrency or the account's quota. Lambda keeps the events of uploads for 6 hours, "
    "then they go to Batch.",
    (
        Alarm(
            "ProcessThrottles",
            (_function("process", "Throttles"),),
            "At least {threshold:g} invocations of process in five minutes found no free concurrency.",
            100,
        ),
    ),
)
FAILURES_NOT_KEPT = Alert(
    "See the bucket's policy and the policy of the role of process. The reconciler finds the uploads; a caller that "
    "invoked the function directly must send the image again.",
    (
        Alarm(
            "FailuresNotKept",
            (_function("process", "DestinationDeliveryFailures"),),
            "An event failed, and Lambda could not write it to its failure destination, aws/lambda/ in the bucket.",
            1,
        ),
    ),
)
BATCH_FAILURES = Alert(
    "Each of their images goes to a larger tier or ends failed with a code. See the job's statusReason in the Batch "
    "console.",
    (
        Alarm(
            "BatchFailures",
            (Metric("MatchedEvents", (("RuleName", "{stack}-batch-job-failed"),), "AWS/Events"),),
            "At least {threshold:g} Batch jobs failed in five minutes.",
            5,
            setting="batch_failures",
        ),
    ),
)


def _errors(entry: str, effect: str, *, rare: bool = False) -> Alert:
    """`effect`: the consequence for images. A `rare` function has few invocations, so one error is enough."""
    condition = f"Invocations of {entry} raised errors. {effect}"
    metrics = (_function(entry, "Errors"),)
    name = f"{entry.capitalize()}Errors"
    alarm = (
        Alarm(name, metrics, condition, 1) if rare else Alarm(name, metrics, condition, 5, setting="function_errors")
    )
    return Alert(f"See the log group /aws/lambda/{{stack}}-{entry}.", (alarm,))


#: By the function's entry.
ERRORS = {
    "process": _errors(
        "process", "Lambda retries each event, then it goes to Batch: no image is lost, each costs more."
    ),
    "dispatch": _errors("dispatch", "Images that do not fit the function wait in the overflow queue."),
    "record": _errors("record", "Images are processed and committed, but not yet in the database."),
    "admin": _errors("admin", "The reconciler, or a command of the command line, did not finish.", rare=True),
    "web": _errors("web", "Customers see an error on the page; images in progress are not affected."),
}
OUTGROWN = Alert(
    "Each of these images was paid for twice. The estimates do not fit this architecture or these images: run "
    "`pictureperfect calibrate`.",
    rule=Rule(
        uid="picture-perfect-tried-in-vain",
        title="Images outgrow the function",
        condition="More than {threshold:g} images in an hour ran out of memory or time in the function and went to "
        "Batch.",
        above=20,
        window_minutes=60,
        metrics=tuple(
            Metric("HandedOver", (("route", "lambda"), ("cause", cause)))
            for cause in (Cause.OUT_OF_MEMORY, Cause.TIMED_OUT)
        ),
        formula="$RA + $RB",
        panel="Handed over, by cause",
    ),
)
CUSTOMER_FAILS = Alert(
    "The customer's dashboard has the codes; docs/reference/codes.md says what to tell the customer for each.",
    rule=Rule(
        uid="picture-perfect-customer-fails",
        title="A customer's images fail",
        condition="More than {threshold:.0%} of this month's images of the customer {{{{ $labels.customer }}}} ended "
        "failed, of at "
        "least 50.",
        above=0.2,
        window_minutes=60,
        sql="alert_customer_fails",
        reducer="last",
        dashboard="picture-perfect-customer",
        panel="Failures by code",
    ),
)
COST_ROSE = Alert(
    "The panel *Pipelines* of Business names the pipeline. Likely causes: a new pipeline, larger images, or many "
    "images that go to Batch one by one.",
    rule=Rule(
        uid="picture-perfect-dearer",
        title="Images cost more",
        condition="An image of yesterday cost more than {threshold:g} times the average of the four weeks before, "
        "over at least "
        "100 images.",
        above=1.5,
        window_minutes=60,
        sql="alert_cost_rose",
        reducer="last",
        dashboard="picture-perfect-business",
        panel="Pipelines",
    ),
)
ESTIMATES_EXCEEDED = Alert(
    "Run `pictureperfect calibrate` on the architecture of the functions.",
    rule=Rule(
        uid="picture-perfect-beyond-estimate",
        title="Estimates are exceeded",
        condition="More than {threshold:.0%} of the images of two days took more time or memory than their upper "
        "estimate.",
        above=0.02,
        window_minutes=60,
        sql="alert_estimates_exceeded",
        reducer="last",
        dashboard="picture-perfect-business",
        panel="Above the upper estimate",
    ),
)

ALERTS = (
    BLOCKED,
    FAILED,
    RECONCILER_SILENT,
    RECONCILED,
    RECORDS_OLD,
    OVERFLOW_OLD,
    DEAD_LETTERS,
    OUTGROWN,
    UPLOADS_REFUSED,
    KAFKA_REFUSED,
    KAFKA_LAG,
    THROTTLES,
    FAILURES_NOT_KEPT,
    BATCH_FAILURES,
    *ERRORS.values(),
    CUSTOMER_FAILS,
    COST_ROSE,
    ESTIMATES_EXCEEDED,
)
#: The thresholds that `[alarms]` replaces, by its field, in the field's unit.
DEFAULTS = {
    alarm.setting: round(alarm.threshold / alarm.unit) for alert in ALERTS for alarm in alert.alarms if alarm.setting
}
