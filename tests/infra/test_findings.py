"""A finding of cdk-nag has a reason, or the synthesis fails."""

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
    nag = [properties for properties in report["pluginReports"] if properties["pluginName"] == "AwsSolutions"]
    assert [properties["conclusion"] for properties in nag] == ["success"], "cdk-nag ran"
    for plugin in report["pluginReports"]:
        assert plugin.get("violations", []) == []
        for properties in plugin.get("suppressedViolations", []):
            assert len(properties["reason"].split()) > 5, properties["ruleName"]


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
    result = {
        (properties["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for properties in plugin["violations"]
        for construct in properties["violatingConstructs"]
    }
    assert {path for _, path in result} == {"PicturePerfect/Stray/Resource"}
    assert ("AwsSolutions-SQS3", "PicturePerfect/Stray/Resource") in result


@pytest.mark.parametrize(("action", "resource"), [("s3:*", "*"), ("s3:GetObject", "arn:aws:s3:::*")])
def test_a_wildcard_without_a_reason_fails_the_synthesis(synthesize: Synthesize, action: str, resource: str) -> None:
    _ = synthesize
    import aws_cdk as cdk

    from infra.app import add_checks
    from infra.constructs import roles

    app = cdk.App(analytics_reporting=False)
    stack = cdk.Stack(app, "Small")
    roles.role(stack, "Loose", "lambda.amazonaws.com", [roles.allow([action], resource)], "Too wide")
    with pytest.raises(ValueError, match=re.escape(f"has no reason for {action}")):
        add_checks(app, stack)


def test_no_role_is_anybody_s_but_its_service_s_and_none_has_more_than_its_own_policy(
    shipped: Stack, other: Stack
) -> None:
    for stack in (shipped, other):
        roles = stack.properties_of("IAM::Role")
        for name, properties in roles.items():
            (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
            assert trust["Principal"] in ({"Service": "lambda.amazonaws.com"}, {"Service": "ecs-tasks.amazonaws.com"})
            assert "ManagedPolicyArns" not in properties, name
            assert len(properties["Policies"]) == 1
        assert not stack.properties_of("IAM::Policy")
        assert not stack.properties_of("IAM::ManagedPolicy")
        used = [properties["Role"] for properties in stack.properties_of("Lambda::Function").values()]
        assert len(set(used)) == len(used), "each function has its own role"
