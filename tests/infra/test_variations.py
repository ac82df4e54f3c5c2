"""The template of every kind of deployment is valid for CloudFormation."""

import json
import re
from pathlib import Path

import pytest
import yaml
from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner

from tests.infra.conftest import Synthesize
from tests.infra.variations import VARIATIONS

ROOT = Path(__file__).parents[2]
#: Each takes seconds: `make test-infra` runs all, `pytest tests/infra` the shipped settings.
ALL = [pytest.param(name, marks=[] if name == "shipped" else pytest.mark.long, id=name) for name in VARIATIONS]


@pytest.mark.parametrize("name", ALL)
def test_each_synthesizes_without_a_warning(synthesize: Synthesize, name: str) -> None:
    assembly = synthesize(VARIATIONS[name]).assembly
    metadata = [*assembly.glob("*.metadata.json")]
    entries = [
        (path, entry)
        for path in metadata
        for path, messages in json.loads(path.read_text()).items()
        for entry in messages
    ]
    assert [entry for entry in entries if entry[1]["type"] in {"aws:cdk:warning", "aws:cdk:error"}] == []


@pytest.mark.parametrize("name", ALL)
def test_each_is_without_an_error_or_a_warning_of_cfn_lint(
    synthesize: Synthesize, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)  # the folder of .cfnlintrc.yaml
    config = ConfigMixIn(["--template", str(synthesize(VARIATIONS[name]).path)])
    assert config.ignore_checks == ["W3005"]
    assert [str(match) for match in Runner(config).run()] == []


def test_cfn_lint_finds_what_is_wrong(synthesize: Synthesize, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With this configuration: a queue whose retention SQS does not allow."""
    monkeypatch.chdir(ROOT)
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 2_000_000}}
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"Resources": {"Queue": queue}}))
    assert [match.rule.id for match in Runner(ConfigMixIn(["--template", str(template)])).run()] == ["E3034"]


def test_each_rule_that_is_left_out_has_its_reason() -> None:
    lines = (ROOT / ".cfnlintrc.yaml").read_text().splitlines()
    ignored = yaml.safe_load("\n".join(lines))["ignore_checks"]
    for rule in ignored:
        before = lines[lines.index(f"  - {rule}") - 1].strip()
        assert before.startswith("#"), rule


@pytest.mark.parametrize(
    "name", [name for name, metadata in VARIATIONS.items() if not re.search(r"\d{12}|-\d", metadata)]
)
def test_no_account_and_no_region_is_in_a_template(synthesize: Synthesize, name: str) -> None:
    """Unless the settings name resources of an account."""
    stack = synthesize(VARIATIONS[name])
    text = re.sub("[0-9a-f]{40,}", "", stack.text)  # hashes
    assert not re.search(r"\d{12}", text)
    assert not re.search(r"\b(?:us|eu|ap|sa|ca|me|af)-(?:north|south|east|west|central)[a-z]*-\d", text)
    manifest = json.loads((stack.assembly / "manifest.json").read_text())
    (environment,) = {path["environment"] for path in manifest["artifacts"].values() if "environment" in path}
    assert environment == "aws://unknown-account/unknown-region"


@pytest.mark.parametrize("name", VARIATIONS)
def test_each_is_small_enough_for_cloudformation(synthesize: Synthesize, name: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html."""
    stack = synthesize(VARIATIONS[name])
    assert len(stack.text.encode()) < 1_000_000
    assert len(stack.resources) <= 500
