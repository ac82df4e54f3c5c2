"""`make synth`, `make diff` and cdk.json: their output and their error messages."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pictureperfect.cli import cli
from tests.infra.stack import Stack

ROOT = Path(__file__).parents[2]
#: An environment without AWS credentials, and without a source of any.
NO_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
    "AWS_SESSION_TOKEN": None,
    "AWS_PROFILE": None,
    "AWS_REGION": None,
    "AWS_DEFAULT_REGION": None,
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def synth(settings: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    return subprocess.run(
        [sys.executable, "-m", "infra"],
        cwd=ROOT,
        env={**kept, "PICTURE_PERFECT_SETTINGS": str(settings), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_a_wrong_setting_is_reported_in_one_line_with_the_file_and_the_field(tmp_path: Path) -> None:
    file = tmp_path / "company.toml"
    file.write_text("[storage]\nretention_days = 3\n")
    done = synth(file)
    assert done.returncode == 1
    assert done.stderr == f"{file}: storage.retention_days: must be a whole number from 7 to 3650\n"
    assert done.stdout == ""


def test_the_app_of_cdk_json_writes_the_same_template(tmp_path: Path, shipped: Stack) -> None:
    """CDK's command line runs it with CDK_OUTDIR and the context of cdk.json; its metadata is switched off there."""
    configuration = json.loads((ROOT / "cdk.json").read_text())
    assert configuration["app"] == ".venv/bin/python -m infra"
    assert {configuration[name] for name in ("pathMetadata", "assetMetadata", "versionReporting")} == {False}
    done = synth(
        ROOT / "infra" / "settings.toml",
        CDK_OUTDIR=str(tmp_path),
        CDK_CONTEXT_JSON=json.dumps(configuration["context"]),
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / shipped.path.name).read_text() == shipped.text


def test_the_summary_has_the_path_and_the_content_of_the_template(shipped: Stack) -> None:
    from infra.settings.schema import Settings
    from infra.summary import summarise

    text = summarise(shipped.assembly, "PicturePerfect", Settings())
    lines = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in text.splitlines()}
    assert lines["template"] == f"{shipped.path}, {len(shipped.resources)} resources"
    assert Path(lines["template"].split(",")[0]).is_file()
    assert "process (3008 MB, 900 s)" in lines["functions"]
    assert lines["bucket"] == "images are kept 30 days"
    assert lines["Kafka"] == "none"
    assert "alarms.email" in lines["alarms"]


@pytest.mark.parametrize("command", ["diff"])
def test_missing_credentials_are_reported(command: str) -> None:
    done = CliRunner(env=NO_CREDENTIALS).invoke(cli, [command])
    assert done.exit_code == 1
    assert done.output.startswith("Error: There are no AWS credentials. Log in")


def test_a_missing_region_is_reported() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}
    done = CliRunner(env=NO_CREDENTIALS | keys).invoke(cli, ["diff"])
    assert done.exit_code == 1
    assert done.output.startswith("Error: No AWS region is set")
