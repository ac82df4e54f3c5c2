"""Images through Kafka, with rebalances, lost answers and invalid records: each has one result."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from localcloud import clients
from localcloud.cloud import Cloud
from localcloud.config import GROUP, Options
from localcloud.kafka_broker import GroupWatch
from localcloud.lambda_.function import Invocation
from localcloud.lambda_.kafka_event_source import KafkaEventSource
from localcloud.lambda_.sandbox_process import ROOT
from localcloud.ledger import Ledger
from pictureperfect.demo.painted_images import make_corrupt_jpeg
from pictureperfect.kafka.producer import KafkaRecord, RecordProducer
from tests.support.fakes.queues import depth
from tests.support.waiting import until

CUSTOMER = "acme"


class LosesAnswers:
    """The function, except that the first two answers to its first large batch are lost."""

    def __init__(self, invoke: Callable[[Any], Invocation]) -> None:
        self._invoke = invoke
        self._lock = threading.Lock()
        self.lost = 0
        self.deliveries: Counter[tuple[str, int]] = Counter()

    def invoke(self, event: dict[str, Any]) -> Invocation:
        records = [(group, item["offset"]) for group, items in event["records"].items() for item in items]
        with self._lock:
            self.deliveries.update(records)
            lose = self.lost < 2 and len(records) > 2
            self.lost += lose
        answer = self._invoke(event)
        return Invocation(answer.request_id, {"errorType": "Lost"}, "Unhandled") if lose else answer


def pictures() -> list[bytes]:
    made = []
    for number in range(20):
        stream = io.BytesIO()
        Image.linear_gradient("L").resize((48 + number, 36)).convert("RGB").save(stream, "JPEG", quality=80)
        made.append(stream.getvalue())
    return made


def poison(number: int) -> Iterator[tuple[KafkaRecord, str | None]]:
    """One record of each kind, with the code of its result; None if it is refused with a document."""
    headers = {"customer-id": CUSTOMER, "pipeline": "thumbnail"}
    kinds: list[tuple[str, bytes | None, dict[str, str], str | None]] = [
        ("corrupt", make_corrupt_jpeg(), headers, "corrupt_image"),
        ("nobody", pictures()[0], {"pipeline": "thumbnail"}, None),
        ("broken-reference", b'{"s3": 12}', headers, None),
        ("others", b'{"s3": "s3://pictures/library/somebody/cat.jpg"}', headers, None),
        ("empty", b"", headers, "empty_file"),
    ]
    for kind, value, more, ending in kinds:
        name = f"{kind}-{number}.jpg"
        yield KafkaRecord(name=name, value=value, headers={**more, "filename": name}), ending


def records(count: int) -> list[tuple[KafkaRecord, str | None]]:
    """`count` records, one in fifty invalid; the code is empty for a valid record."""
    good = pictures()
    found: list[tuple[KafkaRecord, str | None]] = []
    bad = [one for number in range(max(1, count // 250)) for one in poison(number)]
    for number in range(count - len(bad)):
        name = f"image-{number}.jpg"
        headers = {"customer-id": CUSTOMER, "pipeline": "thumbnail", "filename": name}
        found.append((KafkaRecord(name=name, value=good[number % len(good)], headers=headers), ""))
    for number, one in enumerate(bad):
        found.insert((number + 1) * len(found) // (len(bad) + 1), one)
    return found


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path, Options(consumers=0, kafka_batch=20)) as running:
        yield running


def keys(cloud: Cloud, prefix: str) -> list[str]:
    pages = clients.s3(cloud.config.endpoint).get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=cloud.config.bucket, Prefix=prefix)
    return [entry["Key"] for page in found for entry in page.get("Contents", [])]


def has_committed(watch: GroupWatch, records: float) -> bool:
    return sum(watch.committed().values()) >= records


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_every_image_ends_once_whatever_is_delivered_again_and_whoever_joins_or_leaves(cloud: Cloud) -> None:
    count = int(os.environ.get("KAFKA_IMAGES", "200"))  # `make test-kafka` sends 1,000
    address = cloud.config
    sent = records(count)
    lossy = LosesAnswers(cloud.functions.process.invoke)
    discarded: list[object] = []
    source = KafkaEventSource(cloud.kafka.mapping, lossy.invoke, discarded.append)
    failures: list[tuple[str, str]] = []
    config = {"bootstrap.servers": address.kafka_bootstrap_servers}
    with GroupWatch(address.kafka_bootstrap_servers, GROUP, address.kafka_topic) as watch:
        try:
            source.scale(1)
            with RecordProducer(
                config, address.kafka_topic, lambda *failure: failures.append(failure), group=GROUP
            ) as out:
                for item, _ in sent:
                    out.send(item)
            for share, consumers in ((0.15, 3), (0.35, 1), (0.55, 2)):
                until(partial(has_committed, watch, share * count), 60 + count / 5)
                source.scale(consumers)
            until(lambda: not any(item.lag for item in watch.progress().values()), 60 + count / 5)
        finally:
            source.close()
        assert sum(item.end for item in watch.progress().values()) == count
    assert (failures, discarded) == ([], [])
    expected = {item.name: ending for item, ending in sent if ending is not None}
    with Ledger(address.database_url) as ledger:
        until(lambda: len(ledger.last(10 * count)) >= len(expected))
        until(lambda: depth(clients.sqs(cloud.config.endpoint), address.records_queue_url) == 0)
        rows = ledger.last(10 * count)
    assert sorted((row["name"], row["code"] or "") for row in rows) == sorted(expected.items())
    results = keys(cloud, "results/")
    assert sorted(key.split("/")[1] for key in results) == sorted(row["image_id"] for row in rows)
    refused = [
        json.loads(clients.s3(address.endpoint).get_object(Bucket=address.bucket, Key=key)["Body"].read())
        for key in keys(cloud, "refused/")
    ]
    assert len(refused) == sum(ending is None for _, ending in sent)
    assert keys(cloud, "failures/") == keys(cloud, "aws/lambda/") == []
    assert (
        depth(clients.sqs(cloud.config.endpoint), address.overflow_queue_url)
        == depth(clients.sqs(cloud.config.endpoint), address.overflow_dead_letter_queue_url)
        == 0
    )
    # The test has lost answers and rebalanced
    assert lossy.lost == 2
    assert len(lossy.deliveries) == count
    assert max(lossy.deliveries.values()) >= 3
    assert sum(times > 1 for times in lossy.deliveries.values()) > 2


def stream(cloud: Cloud, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pictureperfect.cli",
            "stream",
            str(folder),
            "--customer",
            CUSTOMER,
            "--pipeline",
            "thumbnail",
            "--folder",
            str(cloud.folder),
            *arguments,
        ],
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_a_folder_streams_into_the_topic_and_what_is_large_lies_in_the_customers_library(
    cloud: Cloud, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, picture in enumerate(pictures()[:4]):
        (folder / f"{number}.jpg").write_bytes(picture)
    Image.effect_noise((1800, 1800), 80).save(folder / "large.png")
    assert (folder / "large.png").stat().st_size > 2_500_000
    cloud.kafka.scale(1)
    sent = stream(cloud, folder, "--count", "7", "--rate", "20")
    assert sent.returncode == 0, sent.stderr
    assert re.fullmatch(r"7 images \(\S+ MB\) in \S+ s, \d+ a second; 1 as references, 0 not sent.\n", sent.stdout)
    with Ledger(cloud.config.database_url) as ledger:
        until(lambda: len(ledger.last(100)) == 7)
        rows = ledger.last(100)
    assert Counter(row["name"] for row in rows) == {"0.jpg": 2, "1.jpg": 2, "2.jpg": 1, "3.jpg": 1, "large.png": 1}
    assert {row["status"] for row in rows} == {"processed"}
    (large,) = keys(cloud, f"library/{CUSTOMER}/")
    assert large.endswith("/large.png")
    for _ in range(2):  # the same images under the same keys change nothing
        again = stream(cloud, folder, "--once", "--json")
        assert json.loads(again.stdout)["delivered"] == 5, again.stderr
    with (
        Ledger(cloud.config.database_url) as ledger,
        GroupWatch(cloud.config.kafka_bootstrap_servers, GROUP, cloud.config.kafka_topic) as watch,
    ):
        until(lambda: not any(item.lag for item in watch.progress().values()))
        until(lambda: len(ledger.last(100)) == 12)


@pytest.mark.long
def test_ctrl_c_ends_a_stream_cleanly_and_what_was_sent_is_summed_up(cloud: Cloud, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(pictures()[0])
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pictureperfect.cli",
            "stream",
            str(folder),
            "--customer",
            CUSTOMER,
            "--pipeline",
            "thumbnail",
            "--folder",
            str(cloud.folder),
            "--loop",
            "--rate",
            "50",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with GroupWatch(cloud.config.kafka_bootstrap_servers, GROUP, cloud.config.kafka_topic) as watch:
        until(lambda: sum(item.end for item in watch.progress().values()) > 5)
        process.send_signal(signal.SIGINT)
        summary, complaints = process.communicate(timeout=600)
        written = sum(item.end for item in watch.progress().values())
    assert (process.returncode, complaints) == (0, "")
    assert summary.startswith(f"{written} images")
    assert summary.endswith("0 as references, 0 not sent.\n")
