"""The local Batch runs, retries, cancels and terminates jobs as AWS Batch does, as seen through boto3."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws.local_batch import World, is_alive, running
from tests.support.waiting import HANGS_AFTER, until

EXIT_LAST = {
    "attempts": 3,
    "evaluateOnExit": [{"onExitCode": "75", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}],
}
FOREVER = "import time; print('here', flush=True); time.sleep(600)"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as started:
        yield started


def test_a_job_goes_through_its_states_with_an_event_for_each(world: World) -> None:
    world.define("import os, sys; print(sys.argv[1], *sorted(k for k in os.environ if k.startswith('AWS')))")
    job = world.ended(world.submit(parameters={"what": "hello"}))
    assert (job["status"], job["statusReason"]) == ("SUCCEEDED", "Essential container in task exited")
    assert job["container"]["exitCode"] == 0
    assert job["createdAt"] <= job["startedAt"] <= job["stoppedAt"]
    line = world.log(job)
    assert line.startswith("hello AWS_BATCH_CE_NAME AWS_BATCH_JOB_ATTEMPT AWS_BATCH_JOB_ID AWS_BATCH_JQ_NAME")
    until(lambda: world.states(job["jobId"]) == ["RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"])
    last = world.events[-1]
    assert (last["detail-type"], last["source"]) == ("Batch Job State Change", "aws.batch")
    assert last["resources"] == [job["jobArn"]]
    assert last["detail"]["attempts"][0]["container"]["exitCode"] == 0


def test_a_job_overrides_what_its_definition_says(world: World) -> None:
    world.define("raise SystemExit('not this one')")
    program = "import os; print(*(os.environ[k] for k in ('BASE', 'COLOR', 'SIZE')))"
    overrides = {"command": ["-c", program], "environment": [{"name": "SIZE", "value": "2"}]}
    job = world.ended(world.submit(containerOverrides=overrides))
    assert world.log(job) == "base red 2\n"


def test_each_child_of_an_array_has_its_index_and_the_array_ends_with_the_last(world: World) -> None:
    world.define("import os; i = os.environ['AWS_BATCH_JOB_ARRAY_INDEX']; print(i); raise SystemExit(i == '2')")
    parent = world.ended(world.submit(arrayProperties={"size": 4}))
    assert (parent["status"], parent["statusReason"]) == ("FAILED", "Array Child Job failed")
    counts = parent["arrayProperties"]["statusSummary"]
    assert (parent["arrayProperties"]["size"], counts["SUCCEEDED"], counts["FAILED"]) == (4, 3, 1)
    for index in range(4):
        child = world.job(f"{parent['jobId']}:{index}")
        assert (child["arrayProperties"], world.log(child)) == ({"index": index}, f"{index}\n")
    listed = world.client.list_jobs(arrayJobId=parent["jobId"], jobStatus="FAILED")["jobSummaryList"]
    assert [(job["jobId"], job["container"]["exitCode"]) for job in listed] == [(f"{parent['jobId']}:2", 1)]
    assert world.states(parent["jobId"]) == ["PENDING", "FAILED"]


@pytest.mark.parametrize(
    ("strategy", "exit_code", "attempts"),
    [({"attempts": 1}, 75, 1), ({"attempts": 2}, 1, 2), (EXIT_LAST, 75, 3), (EXIT_LAST, 78, 1)],
)
def test_rules_decide_whether_a_job_is_tried_again(
    world: World, strategy: dict[str, Any], exit_code: int, attempts: int
) -> None:
    world.define(f"import os; print(os.environ['AWS_BATCH_JOB_ATTEMPT']); raise SystemExit({exit_code})")
    job = world.ended(world.submit(retryStrategy=strategy))
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [exit_code] * attempts
    assert (job["status"], world.log(job)) == ("FAILED", f"{attempts}\n")


def test_an_end_that_no_rule_matches_is_tried_again(world: World) -> None:
    world.define("raise SystemExit(3)")
    rules = [{"onExitCode": "75", "action": "EXIT"}]
    job = world.ended(world.submit(retryStrategy={"attempts": 2, "evaluateOnExit": rules}))
    assert len(job["attempts"]) == 2


def test_a_job_that_was_tried_again_and_came_through_has_succeeded(world: World) -> None:
    world.define("import os; raise SystemExit(75 if os.environ['AWS_BATCH_JOB_ATTEMPT'] == '1' else 0)")
    job = world.ended(world.submit(retryStrategy=EXIT_LAST))
    assert (job["status"], len(job["attempts"])) == ("SUCCEEDED", 2)


def test_an_attempt_that_takes_too_long_is_ended_and_not_tried_again(world: World) -> None:
    world.define(FOREVER, timeout={"attemptDurationSeconds": 1})
    job = world.ended(world.submit(retryStrategy={"attempts": 3}))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert len(job["attempts"]) == 1
    assert "reason" not in job["container"]


def test_a_waiting_job_can_be_cancelled_and_a_running_one_goes_on(world: World) -> None:
    world.define(FOREVER, vcpus=2)
    first, second = world.submit(), world.submit()
    world.at_work(first)
    assert world.job(second)["status"] == "RUNNABLE"
    for job_id in (first, second):
        world.client.cancel_job(jobId=job_id, reason="not wanted")
    cancelled = world.ended(second)
    assert (cancelled["status"], cancelled["statusReason"], cancelled["isCancelled"]) == ("FAILED", "not wanted", True)
    assert (cancelled["attempts"], world.job(first)["status"]) == ([], "RUNNING")


def test_a_terminated_job_is_asked_to_stop_first(tmp_path: Path) -> None:
    with running(tmp_path, grace=HANGS_AFTER) as world:
        world.define(f"import signal, sys; signal.signal(15, lambda *_: sys.exit(75))\n{FOREVER}")
        job_id = world.submit(retryStrategy=EXIT_LAST)
        world.at_work(job_id)
        world.client.terminate_job(jobId=job_id, reason="enough")
        job = world.ended(job_id)
    assert (job["status"], job["statusReason"], job["isTerminated"]) == ("FAILED", "enough", True)
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [75]


def test_a_terminated_array_ends_its_waiting_children_too(world: World) -> None:
    world.define(f"import signal; signal.signal(15, signal.SIG_IGN)\n{FOREVER}", vcpus=2)
    parent = world.submit(arrayProperties={"size": 3})
    world.at_work(f"{parent}:0")
    world.client.terminate_job(jobId=parent, reason="enough")
    assert world.ended(parent)["statusReason"] == "enough"
    children = [world.job(f"{parent}:{index}") for index in range(3)]
    assert [child["statusReason"] for child in children] == ["enough"] * 3
    assert children[0]["container"]["exitCode"] == 137


def test_a_job_killed_from_outside_ran_out_of_memory_as_fargate_says_it(world: World) -> None:
    world.define("import os; os.kill(os.getpid(), 9)")
    job = world.ended(world.submit())
    container = job["container"]
    assert (container["exitCode"], container["reason"]) == (
        137,
        "OutOfMemoryError: Container killed due to memory usage",
    )


def test_an_image_that_cannot_be_pulled_never_starts(world: World) -> None:
    world.define("print('never')", image="missing/picture-perfect:1")
    rules = [{"onReason": "CannotPullContainerError*", "action": "RETRY"}, {"onExitCode": "*", "action": "EXIT"}]
    job = world.ended(world.submit(retryStrategy={"attempts": 2, "evaluateOnExit": rules}))
    assert (job["status"], job["statusReason"], len(job["attempts"])) == ("FAILED", "Task failed to start", 2)
    assert job["container"]["reason"].startswith("CannotPullContainerError: ")
    assert not {"exitCode", "startedAt"} & {*job["container"], *job}
    assert "RUNNING" not in world.states(job["jobId"])


def test_jobs_wait_for_vcpus_and_are_served_in_order(world: World) -> None:
    go = world.folder / "go"
    world.define(f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)")
    jobs = [world.submit() for _ in range(4)]
    world.reached(jobs[1], "RUNNING")
    assert [world.job(job)["status"] for job in jobs[2:]] == ["RUNNABLE", "RUNNABLE"]
    listed = world.client.list_jobs(jobQueue="images", jobStatus="RUNNABLE")["jobSummaryList"]
    assert [job["jobId"] for job in listed] == jobs[2:]
    go.touch()
    assert {world.ended(job)["status"] for job in jobs} == {"SUCCEEDED"}
    at_once = most = 0
    for event in world.events:
        at_once += {"STARTING": 1, "SUCCEEDED": -1}.get(event["detail"]["status"], 0)
        most = max(most, at_once)
    assert most == 2


def test_a_job_larger_than_the_environment_waits_and_says_so(world: World) -> None:
    world.define("print('never')", vcpus=4)
    large = world.submit()
    world.define("pass")
    assert world.ended(world.submit())["status"] == "SUCCEEDED"
    job = world.job(large)
    assert (job["status"], job["statusReason"]) == ("RUNNABLE", "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE")


def test_descendants_die_with_their_job_also_in_another_session(world: World) -> None:
    detached = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], "
    world.define(f"{detached}start_new_session=True).pid)")
    job = world.ended(world.submit())
    until(lambda: not is_alive(int(world.log(job))))


def test_closing_ends_every_job_and_leaves_no_scratch(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        world.define("import os, time; print(os.getpid(), 'here', flush=True); time.sleep(600)")
        jobs = [world.at_work(world.submit()) for _ in range(2)]
        pids = [int(world.log(job).split()[0]) for job in jobs]
        assert len(list((tmp_path / "tasks").iterdir())) == 2
    until(lambda: not any(map(is_alive, pids)))
    assert list((tmp_path / "tasks").iterdir()) == []


def test_a_failing_callback_still_gets_the_next_event(tmp_path: Path) -> None:
    statuses = []

    def fail(event: dict[str, Any]) -> None:
        statuses.append(event["detail"]["status"])
        raise ValueError("no queue")

    with running(tmp_path, on_event=fail) as world:
        world.define("pass")
        world.ended(world.submit())
        until(lambda: statuses[-1:] == ["SUCCEEDED"])


def test_a_signal_is_the_exit_code_128_plus_its_number(world: World) -> None:
    world.define(f"import os; os.kill(os.getpid(), {signal.SIGSEGV})")
    job = world.ended(world.submit())
    assert (job["container"]["exitCode"], "reason" in job["container"]) == (139, False)
