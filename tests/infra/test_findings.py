"""What cdk-nag finds has a reason, or there is no stack."""

import json
import re
from pathlib import Path

import pytest

from infra.settings.schema import Settings
from tests.infra.conftest import Synthesize
from tests.infra.stack import Stack
from tests.infra.variations import VARIATIONS


@pytest.mark.parametrize("name", VARIATIONS)
def test_no_finding_is_without_a_reason(synthesize: Synthesize, name: str) -> None:
    report = json.loads((synthesize(VARIATIONS[name]).assembly / "validation-report.json").read_text())
    nag = [one for one in report["pluginReports"] if one["pluginName"] == "AwsSolutions"]
    assert [one["conclusion"] for one in nag] == ["success"], "it was asked"
    for plugin in report["pluginReports"]:
        assert plugin.get("violations", []) == []
        for one in plugin.get("suppressedViolations", []):
            assert len(one["reason"].split()) > 5, one["ruleName"]


def test_a_new_finding_fails_the_synthesis(synthesize: Synthesize, tmp_path: Path) -> None:
    _ = synthesize  # Node is found
    import aws_cdk as cdk
    from aws_cdk import aws_sqs as sqs

    from infra.app import FEATURE_FLAGS, add_checks
    from infra.stack import PicturePerfect

    app = cdk.App(outdir=str(tmp_path), analytics_reporting=False, context=FEATURE_FLAGS)
    stack = PicturePerfect(app, "PicturePerfect", Settings())
    sqs.Queue(stack, "Stray")
    add_checks(app, stack)
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS3"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text())
    found = {
        (one["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for one in plugin["violations"]
        for construct in one["violatingConstructs"]
    }
    assert {path for _, path in found} == {"PicturePerfect/Stray/Resource"}
    assert ("AwsSolutions-SQS3", "PicturePerfect/Stray/Resource") in found


@pytest.mark.parametrize(("action", "resource"), [("s3:*", "*"), ("s3:GetObject", "arn:aws:s3:::*")])
def test_a_wildcard_that_nobody_explains_fails_the_synthesis(
    synthesize: Synthesize, action: str, resource: str
) -> None:
    _ = synthesize
    import aws_cdk as cdk

    from infra import roles
    from infra.app import add_checks

    app = cdk.App(analytics_reporting=False)
    stack = cdk.Stack(app, "Small")
    roles.role(stack, "Loose", "lambda.amazonaws.com", [roles.allow([action], resource)], "Too much")
    with pytest.raises(ValueError, match=re.escape(f"has no reason for {action}")):
        add_checks(app, stack)


def test_no_role_is_anybody_s_but_its_service_s_and_none_has_more_than_its_own_policy(
    shipped: Stack, other: Stack
) -> None:
    for stack in (shipped, other):
        roles = stack.of("IAM::Role")
        for name, one in roles.items():
            (trust,) = one["AssumeRolePolicyDocument"]["Statement"]
            assert trust["Principal"] in ({"Service": "lambda.amazonaws.com"}, {"Service": "ecs-tasks.amazonaws.com"})
            assert "ManagedPolicyArns" not in one, name
            assert len(one["Policies"]) == 1
        assert not stack.of("IAM::Policy")
        assert not stack.of("IAM::ManagedPolicy")
        used = [one["Role"] for one in stack.of("Lambda::Function").values()]
        assert len(set(used)) == len(used), "each function has one of its own"
