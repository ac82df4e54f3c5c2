"""The demo's results, and their deviations from the expected ones."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud import clients
from localcloud.config import NAMESPACE, CloudConfig
from localcloud.ledger import Ledger
from localcloud.s3_sqs_cloudwatch import cloudwatch_sums
from pictureperfect.demo.demo_images import demo_images
from pictureperfect.demo.gallery import write_gallery

if TYPE_CHECKING:
    from localcloud.cloud import Cloud
    from localcloud.s3_sqs_cloudwatch.cloudwatch_sums import Sums

_REFUSED_RECORDS = 1  # the Kafka record without a customer
_METRICS_SECONDS = 10.0
Row = dict[str, Any]


def gather(cloud: "Cloud", rows: Sequence[Row], refused: Sequence[Row], out: Path) -> dict[str, Any]:
    """Write the gallery to `out`. Returns the results as plain values; `faults` has a sentence for each deviation."""
    config = cloud.config
    with Ledger(config.database_url) as ledger:
        counts, dollars = ledger.counts(), ledger.dollars()
    metrics = _wait_for_metrics(config, len(demo_images()))
    pictures = write_gallery(clients.s3(config.endpoint), config.bucket, rows, out)
    return {
        "images": list(rows),
        "refused": list(refused),
        "counts": counts,
        "dollars": dollars,
        "metrics": metrics,
        "pictures": [str(path) for path in pictures],
        "gallery": str(out / "index.html"),
        "logs": str(cloud.folder / "logs"),
        "faults": _faults(rows, refused, counts, metrics),
    }


def _faults(rows: Sequence[Row], refused: Sequence[Row], counts: Sequence[Row], metrics: "Sums") -> list[str]:
    faults = [
        f"{row['name']} ended as {row['code'] or row['status']}; expected: {row['expected']}"
        for row in rows
        if (row["code"] or row["status"]) != row["expected"]
    ]
    expected, recorded = len(demo_images()), sum(row["images"] for row in counts)
    if len(rows) != expected or recorded != expected:
        faults.append(f"the ledger has {recorded} images; expected: {expected}")
    if len(refused) != _REFUSED_RECORDS:
        faults.append(f"{len(refused)} Kafka records were refused; expected: {_REFUSED_RECORDS}")
    counted = _counted(metrics)
    if counted != expected:
        faults.append(f"CloudWatch counted {counted:g} images; expected: {expected}")
    return faults


def _wait_for_metrics(config: CloudConfig, images: int) -> "Sums":
    """CloudWatch's sums once they count `images`, or after 10 seconds: metrics arrive shortly after the commit."""
    client, give_up = clients.cloudwatch(config.endpoint), time.monotonic() + _METRICS_SECONDS
    while True:
        sums = cloudwatch_sums.sums(client, NAMESPACE)
        if _counted(sums) >= images or time.monotonic() > give_up:
            return sums
        time.sleep(0.2)


def _counted(sums: "Sums") -> float:
    return sum(value.get("Images", 0) for name, value in sums.items() if name.startswith("status="))
