"""`python -m batch work KEY` with S3 and SQS: shares of an array, kills halfway, and exit codes."""

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psutil
import pytest

from core.domain import object_keys
from core.domain.model import HandOver
from core.routing.batch_tiers import TIERS
from tests.support.aws import batch_job
from tests.support.aws.batch_job import Job
from tests.support.waiting import HANGS_AFTER, until

if TYPE_CHECKING:
    import subprocess

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def job(cloud: str, s3: "S3Client", bucket: str, sqs: "SQSClient", tmp_path: Path) -> Job:
    return batch_job.job(cloud, s3, bucket, sqs, tmp_path)


def handed_over(sqs: "SQSClient", job: Job) -> list[HandOver]:
    answer = sqs.receive_message(QueueUrl=job.environment["OVERFLOW_QUEUE_URL"], MaxNumberOfMessages=10)
    return [msgspec.json.decode(message["Body"], type=HandOver) for message in answer.get("Messages", [])]


def summary(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_each_child_of_an_array_does_its_own_share_and_again_is_nothing(job: Job) -> None:
    first, second, third = job.image(), job.image(), job.image()
    broken = msgspec.structs.replace(job.image(), job=msgspec.structs.replace(job.image().job, pipeline="none"))
    key = job.submit((first,), (second, broken, third))
    index = {"AWS_BATCH_JOB_ARRAY_INDEX": "1"}

    done, again = job.run("work", key, **index), job.run("work", key, **index)

    assert (done.returncode, again.returncode) == (0, 0), done.stderr
    assert job.results(first) == []
    assert [result.route for image in (second, broken, third) for result in job.results(image)] == ["batch"] * 3
    assert summary(done).items() >= {"share": 1, "images": 3, "processed": 2, "failed": 1, "tier": "1x2"}.items()
    assert summary(again).items() >= {"images": 3, "ended_before": 3}.items()
    assert f"{broken.job.image_id} acme failed: unknown_pipeline" in done.stderr


def test_a_child_killed_half_way_leaves_the_rest_to_its_next_attempt(job: Job) -> None:
    ended, killed, waiting = job.image(), job.image("linger"), job.image()
    key = job.submit((ended, killed, waiting))
    with job.started("work", key) as process:
        job.wait_for_linger()
        process.kill()
    assert [len(job.results(image)) for image in (ended, killed, waiting)] == [1, 0, 0]
    first = job.results(ended)

    (job.folder / "go").touch()
    again = job.run("work", key)

    assert again.returncode == 0, again.stderr
    assert summary(again).items() >= {"processed": 2, "ended_before": 1}.items()
    assert job.results(ended) == first


def test_a_reclaimed_child_stops_and_hands_nothing_over(job: Job, sqs: "SQSClient") -> None:
    ended, stopped, waiting = job.image(), job.image("linger"), job.image()
    key = job.submit((ended, stopped, waiting))
    with job.started("work", key) as process:
        job.wait_for_linger()
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=HANGS_AFTER)
        until(lambda: not any(child.is_running() for child in family))
    assert process.returncode == 75
    assert "SIGTERM" in err
    assert [len(job.results(image)) for image in (ended, stopped, waiting)] == [1, 0, 0]
    assert handed_over(sqs, job) == []
    processed = job.s3.list_objects_v2(Bucket=job.bucket, Prefix=object_keys.PROCESSED).get("Contents", [])
    assert len(processed) == 1


def test_what_runs_out_of_memory_goes_one_tier_up_and_the_rest_is_done(job: Job, sqs: "SQSClient") -> None:
    large, small = job.image("hoard"), job.image()
    done = job.run("work", job.submit((large, small)))
    assert done.returncode == 0, done.stderr
    (message,) = handed_over(sqs, job)
    assert (message.job, message.tier) == (large.job, TIERS[1].name)
    assert (len(job.results(large)), len(job.results(small))) == (0, 1)
    assert summary(done).items() >= {"handed_over": 1, "processed": 1}.items()


def test_what_runs_out_of_memory_in_the_largest_tier_ends_failed(job: Job, sqs: "SQSClient") -> None:
    large = job.image("hoard")
    done = job.run("work", job.submit((large,), tier=TIERS[-1].name))
    assert done.returncode == 0, done.stderr
    assert [result.code for result in job.results(large)] == ["out_of_memory"]
    assert handed_over(sqs, job) == []


@pytest.mark.long
def test_an_image_over_its_estimate_leaves_time_for_the_images_after_it(job: Job, sqs: "SQSClient") -> None:
    # Each has its part of the child's 540 s by its estimate: about 5 s, and all the others
    forever, small = job.image("linger", seconds=1), job.image(seconds=300)
    done = job.run("work", job.submit((forever, small), timeout=600))
    assert done.returncode == 0, done.stderr
    (message,) = handed_over(sqs, job)
    assert (message.job, message.tier, message.estimate) == (forever.job, TIERS[1].name, None)
    assert [result.status for result in job.results(small)] == ["processed"]


@pytest.mark.parametrize(
    ("key", "index", "exit_code", "words"),
    [
        ("batches/none.json", "0", 65, "There is no object batches/none.json"),
        ("results/x/0.json", "0", 65, "is not batches/<work id>.json"),
        ("batches/junk.json", "0", 78, "is not the work of a Batch job"),
        ("a tier that is not", "0", 78, "there are 1x2, 2x8"),
        ("one share", "7", 65, "AWS_BATCH_JOB_ARRAY_INDEX is '7'"),
    ],
)
def test_a_job_that_cannot_be_done_says_why(job: Job, key: str, index: str, exit_code: int, words: str) -> None:
    job.s3.put_object(Bucket=job.bucket, Key="batches/junk.json", Body=b'{"work_id": 1}')
    image = job.image()
    submitted = {"a tier that is not": job.submit((image,), tier="32x240"), "one share": job.submit((image,))}
    done = job.run("work", submitted.get(key, key), AWS_BATCH_JOB_ARRAY_INDEX=index)
    assert (done.returncode, words in done.stderr) == (exit_code, True), done.stderr
    assert job.results(image) == []


def test_without_an_overflow_queue_nothing_is_begun(job: Job) -> None:
    done = job.run("work", job.submit((job.image(),)), OVERFLOW_QUEUE_URL="")
    assert (done.returncode, "OVERFLOW_QUEUE_URL is missing" in done.stderr) == (78, True)


def test_a_store_that_does_not_answer_is_asked_again_by_the_next_attempt(job: Job) -> None:
    done = job.run("work", "batches/1.json", AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert (done.returncode, "store_unavailable" in done.stderr) == (75, True)
