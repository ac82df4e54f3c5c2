"""The workflows: actions are pinned, no key is stored, and a deployment needs an approval."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
EACH = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text())
    return content


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = read(file)["jobs"]
    return content


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(file).values() for step in job.get("steps", [])]


def test_the_workflows_are_ci_and_deploy() -> None:
    assert [file.name for file in FILES] == ["ci.yml", "deploy.yml"]


@EACH
def test_each_action_is_pinned_to_a_commit_with_its_version(file: Path) -> None:
    used = [line.strip().removeprefix("- ") for line in file.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.fullmatch(line) and not line.startswith("uses: ./.github/")] == []


@EACH
def test_no_job_may_do_more_than_it_must(file: Path) -> None:
    assert read(file)["permissions"] == {}
    for name, job in jobs(file).items():
        more = {"id-token": "write"} if name == "deploy" else {}
        assert job["permissions"] == {"contents": "read"} | more
        assert "timeout-minutes" in job or job["uses"]
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@EACH
def test_no_secret_is_stored_and_no_expression_is_in_a_command(file: Path) -> None:
    assert "secrets." not in file.read_text()
    assert not re.search("aws-(?:access-key-id|secret-access-key)", file.read_text())
    assert all("${{" not in step.get("run", "") for step in steps(file))
    assert "pull_request_target" not in file.read_text()


@EACH
def test_every_target_is_one_of_the_makefile(file: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = {word for step in steps(file) for word in re.findall(r"^make ([a-z-]+)", step.get("run", ""), re.MULTILINE)}
    assert asked
    assert asked <= targets


def test_a_change_is_tested_synthesized_and_scanned() -> None:
    (ci,) = (file for file in FILES if file.name == "ci.yml")
    asked = [step.get("run", step.get("uses", "")) for step in steps(ci)]
    for wanted in ("make check", "make lint-infra", "make test-infra", "make test-container"):
        assert wanted in asked
    assert any("pip-audit --strict --require-hashes" in step for step in asked)
    assert any(step.startswith("anchore/scan-action@") for step in asked)
    locks = {path.stem for path in (ROOT / "requirements").glob("*.lock")}
    (audited,) = (re.findall(r"for lock in (.+); do", step) for step in asked if "pip-audit -" in step)
    assert set(audited[0].split()) == locks


def test_a_deployment_needs_the_checks_an_approval_and_a_temporary_role() -> None:
    (deploy,) = (file for file in FILES if file.name == "deploy.yml")
    job = jobs(deploy)["deploy"]
    assert job["needs"] == "checks"
    assert jobs(deploy)["checks"]["uses"] == "./.github/workflows/ci.yml"
    assert job["environment"], "its environment has the reviewers"
    (credentials,) = (step for step in steps(deploy) if "configure-aws-credentials" in step.get("uses", ""))
    assert set(credentials["with"]) == {"role-to-assume", "aws-region", "role-session-name"}
    runs = [step["run"] for step in steps(deploy) if "run" in step]
    assert runs == ["make setup", "make diff", "make deploy YES=1", "make smoke"]
    assert re.findall(r"^  (\w+):$", deploy.read_text().split("permissions:")[0], re.MULTILINE) == [
        "push",
        "workflow_dispatch",
    ]
    assert read(deploy)["concurrency"]["cancel-in-progress"] is False
