"""`pictureperfect dashboards push` to a stand-in for Grafana that stores dashboards and rules."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pictureperfect.commands.operate.dashboards import dashboards
from pictureperfect.grafana.client import Grafana, GrafanaError
from tests.support.grafana.server import ErrorResponse, GrafanaServer, serving

pytestmark = pytest.mark.long

BUSINESS = "picture-perfect-business"
ADMIN = "admin"
dashboards_command: Any = sys.modules["pictureperfect.commands.operate.dashboards"]


@pytest.fixture
def grafana() -> Iterator[GrafanaServer]:
    with serving("/grafana") as server:
        server.add_source("cw", "cloudwatch", "Our AWS")
        server.add_source("pg", "grafana-postgresql-datasource", "Ledger")
        server.add_source("prom", "prometheus")
        yield server


def push(server: GrafanaServer, *options: str, token: str = ADMIN) -> Result:
    return CliRunner().invoke(dashboards, ["push", server.url, *options], env={"GRAFANA_TOKEN": token})


def outcomes(result: Result) -> dict[str, str]:
    assert result.exit_code == 0, result.output
    return {line[9:].partition("  ")[0]: line[:9].strip() for line in result.output.splitlines()}


def test_a_push_creates_everything_and_a_second_one_changes_nothing(grafana: GrafanaServer) -> None:
    first = outcomes(push(grafana))
    assert len(first) == 6
    assert set(first.values()) == {"created"}
    assert grafana.folders == {"picture-perfect": "Picture Perfect"}
    assert {saved.folder for saved in grafana.dashboards.values()} == {"picture-perfect"}
    writes = grafana.writes
    assert set(outcomes(push(grafana)).values()) == {"the same"}
    assert grafana.writes == writes


def test_alert_rules_use_that_grafanas_data_sources_and_stay_editable(grafana: GrafanaServer) -> None:
    push(grafana)
    asked = [data for group in grafana.groups.values() for rule in group["rules"] for data in rule["data"]]
    assert {data["datasourceUid"] for data in asked} == {"cw", "pg", "__expr__"}
    assert {data["model"]["datasource"]["uid"] for data in asked} == {"cw", "pg", "__expr__"}
    assert {rule["provenance"] for group in grafana.groups.values() for rule in group["rules"]} == {""}
    assert {group["interval"] for group in grafana.groups.values()} == {300, 21_600}


def test_a_stack_of_another_name_in_another_region_is_watched_and_shown(grafana: GrafanaServer) -> None:
    options = ("--stack", "acme-pictures", "--namespace", "Acme", "--region", "eu-west-1")
    push(grafana, *options)
    models = [data["model"] for group in grafana.groups.values() for rule in group["rules"] for data in rule["data"]]
    asked = [model for model in models if model.get("queryMode") == "Metrics"]
    assert {model["region"] for model in asked} == {"eu-west-1"}
    assert {model["namespace"] for model in asked} == {"Acme", "AWS/SQS"}
    queues = {model["dimensions"]["QueueName"] for model in asked if "QueueName" in model["dimensions"]}
    assert queues == {
        "acme-pictures-records",
        "acme-pictures-records-dead-letters",
        "acme-pictures-overflow-dead-letters",
    }
    for uid, names in (("operations", {"stack", "namespace", "region"}), ("image", {"stack", "region"})):
        variables = grafana.dashboards[f"picture-perfect-{uid}"].versions[-1][0]["templating"]["list"]
        chosen = {one["name"]: one["current"]["value"] for one in variables if one["name"] in names}
        wanted = {"stack": "acme-pictures", "namespace": "Acme", "region": "eu-west-1"}
        assert chosen == {name: wanted[name] for name in names}
        assert {one["query"] for one in variables if one["type"] == "textbox"} - {""} == {
            wanted[name] for name in names - {"region"}
        }
    assert set(outcomes(push(grafana, *options)).values()) == {"the same"}
    assert outcomes(push(grafana))["Alert rules: Operations"] == "changed"


@pytest.mark.parametrize(
    ("option", "value"), [("--stack", "Acme!"), ("--namespace", ""), ("--region", "eu west"), ("--namespace", "a&b")]
)
def test_a_name_that_no_stack_has_is_refused(grafana: GrafanaServer, option: str, value: str) -> None:
    refused = push(grafana, option, value)
    assert refused.exit_code == 2
    assert option in refused.output
    assert grafana.writes == 0


def test_an_older_push_is_replaced(grafana: GrafanaServer) -> None:
    push(grafana)
    saved = grafana.dashboards[BUSINESS]
    board, message = saved.versions[-1]
    saved.versions.append(({**board, "panels": []}, message))
    found = outcomes(push(grafana))
    assert found["Picture Perfect: Business"] == "changed"
    assert saved.versions[-1][0]["panels"]


def test_an_edited_dashboard_is_kept_without_overwrite(grafana: GrafanaServer) -> None:
    push(grafana)
    grafana.edit(BUSINESS, description="ours")
    refused = push(grafana)
    assert refused.exit_code == 1
    assert "Business was changed in Grafana" in refused.output
    assert "--overwrite" in refused.output
    assert grafana.dashboards[BUSINESS].versions[-1][0]["description"] == "ours"
    assert outcomes(push(grafana, "--overwrite"))["Picture Perfect: Business"] == "changed"
    assert grafana.dashboards[BUSINESS].versions[-1][0]["description"] != "ours"
    assert set(outcomes(push(grafana)).values()) == {"the same"}


def group_of(grafana: GrafanaServer, name: str = "Business") -> Any:
    return grafana.groups["picture-perfect", name]


def threshold(rule: Any, value: float) -> None:
    """Edit a rule's threshold, as somebody does in Grafana."""
    rule["data"][-1]["model"]["conditions"][0]["evaluator"]["params"] = [value]


def with_rules(monkeypatch: pytest.MonkeyPatch, folder: Path, change: Callable[[list[Any]], object]) -> None:
    """Push another release, whose rules of the group Business `change` has edited."""
    shutil.copytree(dashboards_command._DASHBOARDS, folder / "grafana")
    file = folder / "grafana" / "provisioning" / "alerting" / "rules.json"
    document = json.loads(file.read_text("utf-8"))
    change(document["groups"][1]["rules"])
    file.write_text(json.dumps(document), "utf-8")
    monkeypatch.setattr(dashboards_command, "_DASHBOARDS", folder / "grafana")


def test_rules_of_an_older_push_are_replaced(
    grafana: GrafanaServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as earlier:
        with_rules(earlier, tmp_path, lambda rules: threshold(rules[0], 0.5))
        push(grafana)
    found = outcomes(push(grafana))
    assert (found["Alert rules: Business"], found["Alert rules: Operations"]) == ("changed", "the same")
    assert group_of(grafana)["rules"][0]["data"][-1]["model"]["conditions"][0]["evaluator"]["params"] == [0.2]


@pytest.mark.parametrize(
    "change",
    [
        lambda rule: threshold(rule, 0.9),
        lambda rule: rule.update({"for": "1h"}),
        lambda rule: rule.update(isPaused=True),
        lambda rule: rule.update(notification_settings={"receiver": "night shift"}),
        lambda rule: rule["labels"].update(team="pictures"),
        lambda rule: rule["annotations"].clear(),
    ],
    ids=["threshold", "time", "paused", "receiver", "label", "annotations"],
)
def test_an_edited_rule_is_kept_without_overwrite(grafana: GrafanaServer, change: Any) -> None:
    push(grafana)
    rule = group_of(grafana)["rules"][1]
    change(rule)
    theirs, writes = json.dumps(rule), grafana.writes
    refused = push(grafana)
    assert refused.exit_code == 1
    assert "Images cost more" in refused.output
    assert "--overwrite" in refused.output
    assert (json.dumps(grafana.rule(rule["uid"])), grafana.writes) == (theirs, writes)
    assert outcomes(push(grafana, "--overwrite"))["Alert rules: Business"] == "changed"
    assert set(outcomes(push(grafana)).values()) == {"the same"}


def test_the_interval_of_a_group_counts_as_an_edit(grafana: GrafanaServer) -> None:
    push(grafana)
    group_of(grafana)["interval"] = 60
    assert "Alert rules: Business" in push(grafana).output
    assert group_of(grafana)["interval"] == 60
    push(grafana, "--overwrite")
    assert group_of(grafana)["interval"] > 60


def test_a_rule_that_was_moved_by_hand_is_not_moved_back(grafana: GrafanaServer) -> None:
    push(grafana)
    moved = group_of(grafana)["rules"].pop(0)
    grafana.groups["theirs", "Night"] = {"title": "Night", "folderUid": "theirs", "interval": 60, "rules": [moved]}
    refused = push(grafana)
    assert refused.exit_code == 1
    assert "A customer's images fail" in refused.output
    assert grafana.groups["theirs", "Night"]["rules"] == [moved]


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_rules_of_others_in_the_group_are_kept(grafana: GrafanaServer, options: tuple[str, ...]) -> None:
    push(grafana)
    rules = group_of(grafana)["rules"]
    copied = {**json.loads(json.dumps(rules[0])), "uid": "theirs-1", "title": "A copy"}
    own = {**json.loads(json.dumps(rules[0])), "uid": "theirs-2", "title": "Their own", "annotations": {}}
    rules[:0] = [own, copied]
    assert set(outcomes(push(grafana)).values()) == {"the same"}
    threshold(rules[2], 0.9)
    if options:
        outcomes(push(grafana, *options))
    kept = {rule["uid"]: rule["title"] for rule in group_of(grafana)["rules"]}
    assert len(kept) == 5
    assert (kept["theirs-1"], kept["theirs-2"]) == ("A copy", "Their own")


def test_a_rule_that_is_no_longer_generated_is_deleted_unless_it_was_edited(
    grafana: GrafanaServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    push(grafana)
    threshold(group_of(grafana)["rules"][1], 0.9)
    with_rules(monkeypatch, tmp_path, lambda rules: rules.__delitem__(slice(1, None)))
    assert outcomes(push(grafana))["Alert rules: Business"] == "changed"
    assert [rule["title"] for rule in group_of(grafana)["rules"]] == [
        "A customer's images fail",
        "Images cost more",
    ]
    assert outcomes(push(grafana))["Alert rules: Business"] == "the same"


def test_an_edit_during_the_push_is_not_overwritten(grafana: GrafanaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    push(grafana)
    saved = grafana.dashboards[BUSINESS]
    saved.versions[-1] = ({**saved.versions[-1][0], "panels": []}, saved.versions[-1][1])
    look = GrafanaServer._versions

    def meanwhile(server: GrafanaServer, uid: str) -> Any:
        versions = look(server, uid)
        server.edit(uid, description="just now")
        return versions

    monkeypatch.setattr(GrafanaServer, "_versions", meanwhile)
    refused = push(grafana)
    assert refused.exit_code == 1
    assert "changed by someone else" in refused.output
    assert saved.versions[-1][0]["description"] == "just now"


def test_of_several_data_sources_one_has_to_be_named(grafana: GrafanaServer) -> None:
    grafana.add_source("pg2", "postgres", "Another")
    refused = push(grafana)
    assert refused.exit_code == 1
    assert "--postgres must name one of" in refused.output
    assert "pg (Ledger), pg2 (Another)" in refused.output
    assert not grafana.dashboards
    assert "no data source 'prom'" in push(grafana, "--postgres", "prom").output
    assert set(outcomes(push(grafana, "--postgres", "pg2")).values()) == {"created"}


def test_dashboards_alone_ask_for_no_data_source(grafana: GrafanaServer) -> None:
    grafana.add_source("pg2", "postgres", "Another")
    grafana.sources = [source for source in grafana.sources if source["type"] != "cloudwatch"]
    assert set(outcomes(push(grafana, "--no-rules")).values()) == {"created"}


def test_without_a_data_source_nothing_is_begun(grafana: GrafanaServer) -> None:
    grafana.sources = [source for source in grafana.sources if source["type"] != "cloudwatch"]
    refused = push(grafana)
    assert refused.exit_code == 1
    assert "There is no data source of cloudwatch" in refused.output
    assert not grafana.folders


@pytest.mark.parametrize(("token", "message"), [("stale", "GRAFANA_TOKEN must be"), ("viewer", "needs the role Admin")])
def test_a_token_without_permissions_is_refused_with_the_reason(
    grafana: GrafanaServer, token: str, message: str
) -> None:
    refused = push(grafana, token=token)
    assert refused.exit_code == 1
    assert message in refused.output
    assert not grafana.dashboards


def test_an_editor_may_push_the_dashboards_alone(grafana: GrafanaServer) -> None:
    assert "--no-rules" in push(grafana, token="editor").output
    assert set(outcomes(push(grafana, "--no-rules", token="editor")).values()) == {"the same"}
    assert not grafana.groups


def test_json_is_for_programs(grafana: GrafanaServer) -> None:
    found = json.loads(push(grafana, "--json").output)
    assert len(found) == 6
    assert {one["outcome"] for one in found} == {"created"}
    assert found[0]["url"].startswith(grafana.url + "/d/picture-perfect-")
    again = json.loads(push(grafana, "--json").output)
    assert [one["url"] for one in again] == [one["url"] for one in found]


def test_a_server_that_is_no_grafana_is_reported() -> None:
    for url, message in (("grafana.example", "no address of a Grafana"), ("http://127.0.0.1:9", "did not answer")):
        result = CliRunner().invoke(dashboards, ["push", url], env={"GRAFANA_TOKEN": "x"})
        assert result.exit_code == 1
        assert message in result.output
    result = CliRunner().invoke(dashboards, ["push", "http://127.0.0.1:9"], env={"GRAFANA_TOKEN": ""})
    assert "Set GRAFANA_TOKEN" in result.output


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://[bad", "no address of a Grafana"),
        ("https://", "no address of a Grafana"),
        ("http://grafana.example", "http://grafana.example would be sent the token unencrypted"),
        ("https://127.0.0.1:port", "no address of a Grafana"),
    ],
)
def test_a_malformed_or_unsafe_address_is_refused(url: str, message: str) -> None:
    result = CliRunner().invoke(dashboards, ["push", url], env={"GRAFANA_TOKEN": "x"})
    assert (result.exit_code, message in result.output) == (1, True), result.output


@pytest.mark.parametrize("token", ["glsa_secret\r", "  glsa_secret\n"])
def test_blanks_around_a_token_do_not_matter(grafana: GrafanaServer, token: str) -> None:
    grafana.roles["glsa_secret"] = "Admin"
    assert set(outcomes(push(grafana, token=token)).values()) == {"created"}


@pytest.mark.parametrize("token", ["glsa_sec\rret", "glsa_secr\N{HORIZONTAL ELLIPSIS}et", "glsa secret"])
def test_a_malformed_token_is_reported_but_not_printed(grafana: GrafanaServer, token: str) -> None:
    refused = push(grafana, token=token)
    assert refused.exit_code == 1
    assert isinstance(refused.exception, SystemExit)
    assert "GRAFANA_TOKEN" in refused.output
    assert "sec" not in refused.output.replace("second", "")


@pytest.mark.parametrize(
    ("status", "message"),
    [(302, "a login page"), (404, "the address of Grafana itself"), (500, "answered 500")],
)
def test_an_answer_that_is_not_grafanas_is_reported_with_the_remedy(
    grafana: GrafanaServer, monkeypatch: pytest.MonkeyPatch, status: int, message: str
) -> None:
    def answer(*_: object) -> None:
        raise ErrorResponse(status)

    monkeypatch.setattr(GrafanaServer, "answer", answer)
    refused = push(grafana)
    assert refused.exit_code == 1
    assert message in refused.output


def test_the_token_goes_nowhere_but_into_a_header(grafana: GrafanaServer) -> None:
    grafana.roles["secret-token"] = "Viewer"
    assert "secret-token" not in push(grafana, token="secret-token").output
    with pytest.raises(GrafanaError) as error:
        Grafana("http://127.0.0.1:9", "secret-token").create_folder("a", "b")
    assert "secret-token" not in str(error.value)
