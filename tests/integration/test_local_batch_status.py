"""`pictureperfect status` shows Batch's queues and jobs."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from localcloud import clients
from pictureperfect.commands.local import batch_status
from tests.support.aws.local_batch import running


def test_queues_and_jobs_are_counted_and_the_newest_job_comes_first(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        world.define("import os; raise SystemExit(os.environ.get('AWS_BATCH_JOB_ARRAY_INDEX') == '1')")
        single, array = world.submit(), world.submit(arrayProperties={"size": 3})
        world.ended(single)
        world.ended(array)
        world.define("pass", vcpus=100)
        waiting = world.submit()
        state = batch_status.gather(clients.batch(world.batch.endpoint), last=2)

    assert state["queues"] == {"images": {"runnable": 1, "running": 0, "succeeded": 1, "failed": 1}}
    assert [job["id"] for job in state["jobs"]] == [waiting, array]
    text = StringIO()
    console = Console(file=text, width=80)
    console.print(batch_status.queues_table(state))
    console.print(batch_status.jobs_table(state))
    lines = text.getvalue().splitlines()
    assert any(line.split() == ["images", "1", "0", "1", "1"] for line in lines)
    assert any(line.startswith(array[:8]) and "3/3" in line and "Array Child Job failed" in line for line in lines)
