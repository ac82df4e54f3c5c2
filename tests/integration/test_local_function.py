"""Functions run handlers as Lambda does: time-outs, crashes, exceptions, warm sandboxes."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.lambda_.function import Function, FunctionConfig
from localcloud.lambda_.sandbox_process import ROOT
from tests.support.aws.local_batch import is_alive
from tests.support.waiting import HANGS_AFTER, until

HANDLERS = '''
import os, signal, subprocess, sys, time

calls = 0

def count(event, context):
    global calls
    calls += 1
    return {"calls": calls, "pid": os.getpid(), "event": event}

def about(event, context):
    print("seen by the log")
    return {
        "request": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "left": context.get_remaining_time_in_millis(),
        "variables": sorted(os.environ),
    }

def family(event, context):
    """Start a child, and another in a session of its own; both would outlive the handler."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    detached = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    with open(event["pids"], "w") as file:
        file.write(f"{os.getpid()} {child.pid} {detached.pid}")
    time.sleep(600)

def fail(event, context):
    raise ValueError("no such customer")

def leave(event, context):
    os._exit(7)

def crash(event, context):
    os.kill(os.getpid(), signal.SIGSEGV)

def meet(event, context):
    """Wait until two sandboxes are at work."""
    open(os.path.join(event["folder"], str(os.getpid())), "w").close()
    while len(os.listdir(event["folder"])) < 2:
        time.sleep(0.01)
    return os.getpid()

def large(event, context):
    return "x" * 7_000_000
'''

Starter = Callable[..., Function]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    (tmp_path / "tried.py").write_text(HANDLERS)
    functions = []

    def started(handler: str, **options: Any) -> Function:
        environment = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
        config = FunctionConfig(name="tried", handler=f"tried.{handler}", environment=environment, **options)
        functions.append(Function(config, tmp_path / "functions"))
        return functions[-1]

    yield started
    for function in functions:
        function.close()


def test_a_warm_sandbox_serves_the_next_event(start: Starter) -> None:
    function = start("count")
    first, second = function.invoke({"n": 1}).payload, function.invoke({"n": 2}).payload
    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["pid"] == second["pid"] != os.getpid()
    assert second["event"] == {"n": 2}


def test_the_context_and_the_environment_are_a_lambda_s_and_not_this_machine_s(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_MACHINE", "1")
    function = start("about", timeout=900.0, memory_mb=1024)
    invocation = function.invoke({}, "id-1")
    seen = invocation.payload
    assert (seen["request"], seen["memory"]) == ("id-1", "1024")
    assert seen["arn"].endswith(":function:tried")
    assert 600_000 < seen["left"] <= 900_500
    assert "SECRET_OF_THIS_MACHINE" not in seen["variables"]
    assert {"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"} <= set(seen["variables"])
    assert "START RequestId: id-1" in function.log_path.read_text()
    until(lambda: "seen by the log" in function.log_path.read_text())  # relayed by a thread of its own


def test_an_init_phase_that_takes_longer_goes_on_within_the_functions_time_out(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localcloud.lambda_.sandbox_process.INIT_SECONDS", 0.0)
    assert start("count", timeout=HANGS_AFTER).invoke({}).payload["calls"] == 1


def test_the_time_out_kills_the_sandbox_with_its_children_and_grandchildren(start: Starter, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    for seconds in (1, 8, 64):  # a slow machine may not start two processes in a second
        invocation = start("family", timeout=float(seconds)).invoke({"pids": str(pids)})
        assert invocation.error == "Unhandled"
        assert invocation.payload["errorType"] == "Sandbox.Timedout"
        assert invocation.payload["errorMessage"].endswith(f"Task timed out after {seconds}.00 seconds")
        if pids.exists():
            break
    processes = [int(pid) for pid in pids.read_text().split()]
    until(lambda: not any(map(is_alive, processes)))


def test_an_exception_is_answered_with_its_type_and_trace_and_the_sandbox_lives_on(start: Starter) -> None:
    function = start("fail")
    invocation = function.invoke({})
    assert invocation.error == "Unhandled"
    assert invocation.payload["errorType"] == "ValueError"
    assert invocation.payload["errorMessage"] == "no such customer"
    assert "in fail" in invocation.payload["stackTrace"][-1]
    assert len(function._all) == 1


@pytest.mark.parametrize(("handler", "ending"), [("leave", "exit status 7"), ("crash", "signal: segmentation fault")])
def test_a_crash_is_an_exit_error_and_the_next_event_gets_a_new_sandbox(
    start: Starter, handler: str, ending: str
) -> None:
    function = start(handler)
    for _ in range(2):
        invocation = function.invoke({})
        assert invocation.payload["errorType"] == "Runtime.ExitError"
        assert f"Runtime exited with error: {ending}" in invocation.payload["errorMessage"]


def test_a_handler_that_cannot_be_imported_answers_every_event_with_the_reason(start: Starter) -> None:
    function = start("no_such_handler")
    for _ in range(2):
        assert function.invoke({}).payload["errorType"] == "AttributeError"


def test_an_answer_over_six_megabytes_is_refused(start: Starter) -> None:
    assert start("large").invoke({}).payload["errorType"] == "Function.ResponseSizeTooLarge"


def test_no_more_sandboxes_run_at_once_than_the_concurrency_allows(start: Starter, tmp_path: Path) -> None:
    function = start("meet", concurrency=2)
    event = {"folder": str(tmp_path / "at work")}
    Path(event["folder"]).mkdir()
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(function.invoke(event).payload)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len(set(answers)) == 2


def test_sandboxes_end_when_their_host_is_killed(tmp_path: Path) -> None:
    (tmp_path / "tried.py").write_text(HANDLERS)
    pids = tmp_path / "pids"
    script = f"""
from pathlib import Path
from localcloud.lambda_.function import Function, FunctionConfig
environment = {{"PYTHONPATH": {f"{tmp_path}{os.pathsep}{ROOT}"!r}}}
config = FunctionConfig(name="tried", handler="tried.family", environment=environment)
Function(config, Path({str(tmp_path)!r}) / "functions").invoke({{"pids": {str(pids)!r}}})
"""
    host = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    until(lambda: pids.exists() and pids.read_text().count(" "))
    host.send_signal(signal.SIGKILL)
    host.wait()
    sandbox, child, detached = map(int, pids.read_text().split())
    try:
        until(lambda: not is_alive(sandbox) and not is_alive(child))
    finally:
        os.kill(detached, signal.SIGKILL)  # in a session of its own, the end of the socket does not kill it


def test_the_log_shows_what_an_invocation_answered(start: Starter) -> None:
    function = start("fail")
    function.invoke({})
    line = next(line for line in function.log_path.read_text().splitlines() if line.startswith("[ERROR]"))
    assert json.loads(line.removeprefix("[ERROR] "))["errorType"] == "ValueError"
