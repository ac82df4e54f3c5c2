"""`pictureperfect smoke` on the embedded cloud: it finds every door working, and names what is missing."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from core.routing import prices
from core.routing.batch_tiers import TIERS
from localcloud import clients as cloud_clients
from localcloud.cloud import Cloud
from pictureperfect.commands.deployment.smoke import smoke as command
from pictureperfect.deployment.outputs import local_deployment
from pictureperfect.deployment.smoke import SmokeTest
from pictureperfect.deployment.smoke_senders import SmokeRequest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cloud_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(tmp_path_factory.mktemp("smoke")) as cloud:
        yield cloud


def run(cloud: Cloud, *arguments: str) -> SimpleNamespace:
    result = CliRunner().invoke(
        command, ["--folder", str(cloud.folder), *arguments], standalone_mode=False, catch_exceptions=False
    )
    return SimpleNamespace(code=result.return_value, out=result.stdout, err=result.stderr)


def test_every_door_batch_rows_metrics_and_cost_pass(cloud_here: Cloud) -> None:
    done = run(cloud_here, "--json", "--wait", "240")
    answer = json.loads(done.out)
    assert (done.code, done.err, answer["missing"]) == (0, "", 0), done.err
    rows = {one["what"]: one["row"] for one in answer["seen"] if one["row"]}
    assert {what: (row["door"], row["route"]) for what, row in rows.items()} == {
        "upload": ("upload", "lambda"),
        "direct": ("direct", "lambda"),
        "kafka": ("kafka", "lambda"),
        "batch": ("direct", "batch"),
    }
    assert {row["customer"] for row in rows.values()} == {"smoke"}
    assert len({row["image_id"] for row in rows.values()}) == 4
    assert sum(one["what"] == "metric" for one in answer["seen"]) == 4
    assert [one["seen"] for one in answer["seen"] if one["what"] == "page"] == [True]
    assert answer["usd"] == pytest.approx(_dollars(rows))


def _dollars(rows: dict[str, Any]) -> float:
    """The expected cost: 2 GB of Lambda a second, a minute of a 1 vCPU, 2 GB job, and S3's requests."""
    price, seconds = prices.load(), [rows[what]["seconds"] for what in ("upload", "direct", "kafka")]
    function = price.functions["x86_64" if cloud_machine() == "x86_64" else "aarch64"]
    fargate = price.fargate["x86_64" if cloud_machine() == "x86_64" else "aarch64"]
    work = sum(2 * second * function.gb_second + function.request for second in seconds)
    job = (TIERS[0].vcpus * fargate.vcpu_hour + 2 * fargate.gb_hour) / 60
    total: float = work + job + 4 * (3 * price.s3.put + 3 * price.s3.get)
    return total


def cloud_machine() -> str:
    return os.uname().machine


def test_what_is_missing_is_named_with_where_to_look(cloud_here: Cloud) -> None:
    """The overflow queue has no reader."""
    nobody = cloud_clients.sqs(cloud_here.config.endpoint).create_queue(QueueName="nobody-reads-this")["QueueUrl"]
    found, clients = local_deployment(cloud_here.config)
    broken = msgspec.structs.replace(found, overflow_queue_url=nobody)
    skip = frozenset({"upload", "direct", "kafka", "page"})
    checks = SmokeTest(broken, clients, SmokeRequest(customer="smoke", pipeline="thumbnail", skip=skip, wait=2)).run()
    assert [(check.item, check.passed) for check in checks] == [("batch", False), ("dollars", False)]
    assert "has no row yet. Look at the log of the function dispatch" in checks[0].message
    assert checks[1].message == "No image ended, so there is no cost."


@pytest.mark.parametrize(
    ("place", "faults"),
    [
        ("/nowhere", ["answers 404 with application/problem+json, not 200", "answers 404 without a token, not 401"]),
        ("/api/docs?", ["answers 200 without a token, not 401"]),
    ],
)
def test_a_page_that_is_not_what_it_should_be_is_missing(cloud_here: Cloud, place: str, faults: list[str]) -> None:
    found, clients = local_deployment(cloud_here.config)
    broken = msgspec.structs.replace(found, page_url=f"{found.page_url}{place}")
    skip = frozenset({"upload", "direct", "kafka", "batch"})
    checks = SmokeTest(broken, clients, SmokeRequest(customer="smoke", pipeline="thumbnail", skip=skip, wait=0)).run()
    page = next(check for check in checks if check.item == "page")
    assert not page.passed
    assert [fault in page.message for fault in faults] == [True] * len(faults), page.message


def test_a_page_that_nobody_serves_is_missing_and_a_deployment_without_one_is_not_asked(cloud_here: Cloud) -> None:
    found, clients = local_deployment(cloud_here.config)
    asked = SmokeRequest(
        customer="smoke", pipeline="thumbnail", skip=frozenset({"upload", "direct", "kafka", "batch"}), wait=0
    )
    gone = SmokeTest(msgspec.structs.replace(found, page_url="http://127.0.0.1:1"), clients, asked).run()
    assert [(check.item, check.passed) for check in gone] == [("page", False), ("dollars", False)]
    assert "http://127.0.0.1:1 is not reachable" in gone[0].message
    none = SmokeTest(msgspec.structs.replace(found, page_url=""), clients, asked).run()
    assert [check.item for check in none] == ["dollars"]


def test_failed_images_fail_the_test(cloud_here: Cloud) -> None:
    done = run(cloud_here, "--pipeline", "nothing", "--wait", "240")
    assert done.code == 1
    assert done.err.count("unknown_pipeline") == 4
    assert done.err.count("is missing") == 4


def test_a_topic_without_known_brokers_fails(cloud_here: Cloud) -> None:
    found, clients = local_deployment(cloud_here.config)
    checks = SmokeTest(found, clients, SmokeRequest(customer="smoke", pipeline="nothing", wait=0.0)).run()
    kafka = next(check for check in checks if check.item == "kafka")
    assert not kafka.passed
    assert kafka.message == (
        "The deployment reads the topic images: give --bootstrap-servers to try it, or --skip kafka."
    )


def test_a_skipped_door_is_not_tried(cloud_here: Cloud) -> None:
    answer = json.loads(run(cloud_here, "--json", "--skip", "kafka", "--skip", "batch", "--wait", "240").out)
    assert answer["missing"] == 0
    assert [one["what"] for one in answer["seen"] if one["row"]] == ["upload", "direct"]


def test_without_a_cloud_the_remedy_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert "Start one with `pictureperfect up`" in result.output
