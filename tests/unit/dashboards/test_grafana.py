"""The dashboards and alert rules: their metrics, views and links exist, and each panel says what to do."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.models import alerting, dashboard

from core.ports.metric_catalogue import METRICS, METRICS_BY_NAME
from core.routing import prices
from dashboards import __main__ as written
from dashboards import alert_rules, cloudwatch, names
from dashboards.boards import operations
from dashboards.cloudwatch import ANY, AWS_METRICS, GRAFANA_UNITS, NAMESPACE, UnknownMetricError
from infra.alerts.definitions import ALERTS
from infra.alerts.values import describe
from infra.settings import schema
from pictureperfect.grafana.documents import StackNames, for_stack

GRAFANA = Path(__file__).parents[3] / "dashboards"
DOCS = Path(__file__).parents[3] / "docs"
BOARDS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((GRAFANA / "generated").glob("*.json"))}
RULES = [
    rule
    for group in json.loads((GRAFANA / "provisioning/alerting/rules.json").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
Json = dict[str, Any]
#: The valid statistics of each unit.
STATISTICS = {"Count": {"Sum"}, "Bytes": {"Sum", "p95", "Maximum"}, "Seconds": {"p50", "p95", "Maximum"},
              "None": {"p50", "Maximum"}}  # fmt: skip


def panels(board: Json) -> Iterator[Json]:
    for outer in board["panels"]:
        yield outer
        yield from outer.get("panels", [])


def drawn(board: Json) -> Iterator[Json]:
    return (panel for panel in panels(board) if panel["type"] != "row")


def metric_queries() -> Iterator[tuple[str, Json, str]]:
    """The location of each query, the query, and the panel's unit, which is empty for a rule."""
    for name, board in BOARDS.items():
        for panel in drawn(board):
            for target in panel["targets"]:
                if target.get("queryMode") == "Metrics":
                    yield f"{name}: {panel['title']}", target, panel["fieldConfig"]["defaults"]["unit"]
    for rule in RULES:
        for data in rule["data"]:
            if data["model"].get("queryMode") == "Metrics":
                yield f"rule: {rule['title']}", data["model"], ""


QUERIES = list(metric_queries())


def is_ours(query: Json) -> bool:
    return query["namespace"] in {NAMESPACE, alert_rules.METRICS_NAMESPACE}


def test_the_files_are_what_the_code_makes() -> None:
    for path, content in written.documents().items():
        assert path.read_text("utf-8") == content, "python -m dashboards"
    assert written.documents() == written.documents()
    assert set(BOARDS) == {"operations", "business", "customer", "image"}


@pytest.mark.parametrize(("where", "query", "unit"), QUERIES, ids=[f"{where} {q['refId']}" for where, q, _ in QUERIES])
def test_every_cloudwatch_query_has_the_declared_unit_and_dimensions(where: str, query: Json, unit: str) -> None:
    asked = query["dimensions"]
    assert query["matchExact"], where
    if not is_ours(query):
        listed = AWS_METRICS[query["namespace"], query["metricName"]]
        assert set(asked) == set(listed.dimensions)
        assert not unit or unit == GRAFANA_UNITS[listed.unit]
        return
    metric = METRICS_BY_NAME[query["metricName"]]
    (dimensions,) = (one for one in metric.sets if {each.name for each in one} == set(asked))
    for dimension in dimensions:
        assert asked[dimension.name] in (ANY, *dimension.values)
    assert not unit or unit == GRAFANA_UNITS[metric.unit]
    assert query["statistic"] in STATISTICS[metric.unit]


def test_every_declared_metric_is_drawn_in_every_one_of_its_dimension_sets() -> None:
    shown = {
        (query["metricName"], frozenset(query["dimensions"])) for _, query, unit in QUERIES if unit and is_ours(query)
    }
    declared = {(metric.name, frozenset(names)) for metric in METRICS for names in metric.dimension_sets}
    assert declared == shown


def test_every_listed_metric_of_aws_is_drawn_and_stands_in_the_docs() -> None:
    assert {
        (query["namespace"], query["metricName"]) for _, query, unit in QUERIES if unit and not is_ours(query)
    } == set(AWS_METRICS)
    text = (DOCS / "reference" / "metrics.md").read_text("utf-8")
    table = text[text.index("## Metrics of AWS itself") :]
    for namespace, name in AWS_METRICS:
        assert re.search(rf"^\| `{namespace}` \|.*`{name}`", table, flags=re.MULTILINE), name


def test_a_query_of_an_undeclared_metric_or_dimension_is_an_error() -> None:
    for name, by in (("Imges", {}), ("Images", {"customer": ANY}), ("Images", {"status": "lost"})):
        with pytest.raises(UnknownMetricError):
            cloudwatch.product_metric(name, "Sum", by)
    with pytest.raises(UnknownMetricError):
        cloudwatch.aws_metric("AWS/Lambda", "Errors", "Sum", {"Resource": "x"})


@pytest.mark.parametrize("name", BOARDS)
def test_a_panel_says_what_it_means_in_which_unit_and_has_a_place_of_its_own(name: str) -> None:
    board = BOARDS[name]
    numbers = [panel["id"] for panel in panels(board)]
    assert numbers == list(range(1, len(numbers) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in drawn(board):
        assert len(panel["description"]) > 15, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"], panel["title"]
        assert len({target["refId"] for target in panel["targets"]} - {""}) == len(panel["targets"]), panel["title"]
        if panel["type"] not in {"table", "logs"}:
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", BOARDS)
def test_variables_that_are_used_are_there_and_those_that_are_there_are_used(name: str) -> None:
    board = BOARDS[name]
    given = {one["name"] for one in board["templating"]["list"]}
    text = json.dumps({key: value for key, value in board.items() if key != "templating"})
    queries = json.dumps([[one.get("query"), one.get("datasource")] for one in board["templating"]["list"]])
    used = set(re.findall(r"\$\{?([a-z]+)\b", re.sub(r"\$\{__[^}]*\}|\$__\w+|\$\{PROP[^}]*\}", "", text + queries)))
    assert used == given


def test_links_lead_to_dashboards_that_are_there() -> None:
    known = {board["uid"] for board in BOARDS.values()}
    assert known == {names.OPERATIONS, names.BUSINESS, names.CUSTOMER, names.IMAGE}
    for board in BOARDS.values():
        found = set(re.findall(r"/d/([a-z-]+)", json.dumps(board)))
        assert found, board["title"]
        assert found <= known - {board["uid"]} | ({names.IMAGE} if board["uid"] == names.IMAGE else set())
    assert f"/d/{names.CUSTOMER}" in json.dumps(BOARDS["business"])
    assert f"/d/{names.IMAGE}" in json.dumps(BOARDS["customer"])


@pytest.mark.parametrize("name", BOARDS)
def test_the_json_is_what_grafanas_own_types_read(name: str) -> None:
    """Parsing into the SDK's types and encoding again loses nothing."""
    board = BOARDS[name]
    again = json.loads(json.dumps(dashboard.Dashboard.from_json(board), cls=_Encoder))
    for key in ("uid", "title", "refresh", "time", "schemaVersion", "timezone", "links"):
        assert again[key] == board[key]
    assert len(again["panels"]) == len(board["panels"])
    for mine, theirs in zip(panels(board), panels(again), strict=True):
        assert (mine["type"], mine.get("title"), mine.get("gridPos")) == (
            theirs["type"], theirs.get("title"), theirs.get("gridPos"),
        )  # fmt: skip


class _Encoder(json.JSONEncoder):
    def default(self, o: Any) -> Any:
        return o.to_json()


def test_an_alert_says_what_broke_and_what_to_do() -> None:
    assert len({rule["uid"] for rule in RULES}) == len(RULES) == len(alert_rules.rules())
    for rule in RULES:
        assert len(rule["annotations"]["description"]) > 80, rule["title"]
        (board,) = (one for one in BOARDS.values() if one["uid"] == rule["annotations"]["__dashboardUid__"])
        assert rule["annotations"]["__panelId__"] in {str(panel["id"]) for panel in drawn(board)}
        assert rule["labels"]["severity"] in {"warning", "critical"}
        steps = {data["refId"]: data for data in rule["data"]}
        assert rule["condition"] in steps
        for data in rule["data"]:
            assert data["refId"] == data["model"]["refId"]
            assert "$" not in json.dumps(data["model"].get("dimensions", {}))  # rules know no variables
            for asked in re.findall(r"\$?\b(R?[A-Z]|Result)\b", data["model"].get("expression", "")):
                assert asked in steps, rule["title"]
        assert alerting.Rule.from_json(rule).title == rule["title"]


def test_the_cost_of_an_open_dashboard_is_bounded_and_in_the_docs() -> None:
    """GetMetricData bills each series at each refresh."""
    series = sum(
        prod(
            len(dimension.values) if query["dimensions"][dimension.name] == ANY else 1
            for one in METRICS_BY_NAME[query["metricName"]].sets
            if {each.name for each in one} == set(query["dimensions"])
            for dimension in one
        )
        if is_ours(query)
        else 1
        for where, query, unit in QUERIES
        if unit
    )
    minutes = int(operations.REFRESH.removesuffix("m"))
    hour = series * 60 / minutes * prices.load().cloudwatch.metric_read
    assert hour < 0.03
    text = (DOCS / "how-to" / "dashboards.md").read_text("utf-8")
    assert f"{series} series" in text
    assert f"${hour:.3f} an hour" in text
    asked = sum(not unit for _, _, unit in QUERIES)
    month = asked * 60 / 5 * 24 * 30 * prices.load().cloudwatch.metric_read
    assert f"ask for {asked} series every 5 minutes, ${month:.2f} a month" in text.replace("\n", " ")


def test_alert_queries_let_aurora_pause_and_their_cost_is_in_the_docs() -> None:
    """Each query keeps Aurora awake until database.pause_after_minutes is over."""
    price = json.loads((DOCS.parent / "infra" / "idle_costs" / "prices.json").read_text("utf-8"))
    (often,) = {
        group["interval"]
        for group in json.loads((GRAFANA / "provisioning/alerting/rules.json").read_text("utf-8"))["groups"]
        if any("rawSql" in data["model"] for rule in group["rules"] for data in rule["data"])
    }
    hours = int(often.removesuffix("h"))
    minutes = schema.Database().pause_after_minutes + 1
    month = price["hours"] / hours * minutes / 60 * 0.5 * price["aurora_acu_hour"]
    assert month < 1
    text = (DOCS / "how-to" / "dashboards.md").read_text("utf-8").replace("\n", " ")
    assert f"asks the ledger every {hours} hours, which wakes it: ${month:.2f} a month" in text


def test_savings_may_be_negative_and_are_drawn_so() -> None:
    found = {
        panel["title"]: panel["fieldConfig"]["defaults"].get("min")
        for board in BOARDS.values()
        for panel in drawn(board)
        if panel["type"] == "timeseries" and "bytes_saved" in json.dumps(panel["targets"])
    }
    assert found == {"Bytes by day": None}


def test_the_stated_accuracy_of_percentiles_is_that_of_the_histogram_buckets() -> None:
    descriptions = [
        panel["description"]
        for board in BOARDS.values()
        for panel in drawn(board)
        if "histogram_percentile" in json.dumps(panel.get("targets"))
    ]
    assert descriptions
    for text in descriptions:
        (within,) = re.findall(r"Accurate to (\d+) %", text)
        assert 0 < int(within) / 100 - (10**0.1 - 1) < 0.01


def test_documents_that_panels_and_alerts_name_exist() -> None:
    descriptions = [panel["description"] for board in BOARDS.values() for panel in drawn(board)]
    descriptions += [rule["annotations"]["description"] for rule in RULES]
    for text in descriptions:
        for name in re.findall(r"docs/[a-z-]+/[\w-]+\.md", text):
            assert (DOCS.parent / name).is_file(), text


@pytest.mark.parametrize(
    ("failed", "processed", "fires"), [(1, 2, False), (2, 17, False), (3, 17, True), (2, 100, False), (30, 70, True)]
)
def test_few_failures_of_few_images_are_no_alarm(failed: int, processed: int, fires: bool) -> None:
    (rule,) = (one for one in RULES if one["title"] == "Many images fail")
    steps = {data["refId"]: data["model"] for data in rule["data"]}
    formula = steps["Result"]["expression"].replace("$RA", str(failed)).replace("$RB", str(processed))
    (above,) = steps["TooMuch"]["conditions"][0]["evaluator"]["params"]
    assert (eval(formula) > above) is fires  # noqa: S307 - ours


def test_variables_with_free_text_are_quoted_in_every_query() -> None:
    """A link may set a variable to any text."""
    for board in BOARDS.values():
        typed = {one["name"] for one in board["templating"]["list"] if one["type"] in {"textbox", "query"}}
        for panel in drawn(board):
            for target in panel["targets"]:
                text = f"{target.get('rawSql', '')} {target.get('expression', '')}"
                for name, style in re.findall(r"\$\{?([a-z]+)(:\w+)?", re.sub(r"\$__\w+", "", text)):
                    if name in typed:
                        assert style in {":sqlstring", ":percentencode"}, panel["title"]


def test_grafanas_container_mounts_all_that_is_provisioned() -> None:
    compose = yaml.safe_load((GRAFANA / "compose.yaml").read_text("utf-8"))
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/picture-perfect.yaml").read_text("utf-8"))
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/picture-perfect.yaml").read_text("utf-8"))
    grafana = compose["services"]["grafana"]
    mounts = dict(volume.split(":")[:2] for volume in grafana["volumes"] if volume.startswith("./"))
    assert all((GRAFANA / place).exists() for place in mounts)
    assert set(mounts.values()) == {f"/picture-perfect/{name}" for name in ("start.sh", "provisioning", "generated")}
    copied = "/tmp/picture-perfect"  # noqa: S108 - in the container
    assert provider["providers"][0]["options"]["path"] == f"{copied}/generated"
    assert grafana["environment"]["GF_PATHS_PROVISIONING"] == f"{copied}/provisioning"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (GRAFANA / home.removeprefix(f"{copied}/")).is_file()
    assert f"${{TO:-{copied}}}" in (GRAFANA / "start.sh").read_text("utf-8")
    assert {(one["type"], one["uid"]) for one in sources["datasources"]} == {
        (names.CLOUDWATCH_TYPE, names.CLOUDWATCH_UID),
        (names.POSTGRES_TYPE, names.POSTGRES_UID),
    }
    needed = set(re.findall(r"\$([A-Z_]+)", json.dumps(sources) + (GRAFANA / "start.sh").read_text("utf-8")))
    assert needed <= set(grafana["environment"])


def test_anonymous_visitors_are_viewers_and_nobody_can_log_in() -> None:
    compose = yaml.safe_load((GRAFANA / "compose.yaml").read_text("utf-8"))
    environment = compose["services"]["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert (environment["GF_SERVER_DOMAIN"], environment["GF_SERVER_ENFORCE_DOMAIN"]) == ("localhost", "true")
    assert compose["services"]["grafana"]["ports"] == ["127.0.0.1:3000:3000"]


@pytest.mark.parametrize("place", [StackNames(), StackNames("acme-pictures", "Acme/Pictures#1:a")])
def test_grafanas_container_inserts_the_names_of_the_stack(tmp_path: Path, place: StackNames) -> None:
    """The container's script changes each file as `dashboards push` does."""
    variables = {"FROM": str(GRAFANA), "TO": str(tmp_path / "to"), "RUN": "true", "PATH": os.environ["PATH"]}
    named = {"STACK": place.stack, "METRICS_NAMESPACE": place.namespace}
    for _ in range(2):  # a container restarts
        subprocess.run(["sh", str(GRAFANA / "start.sh")], env={**variables, **named}, check=True)
    made = sorted(path.relative_to(tmp_path / "to") for path in (tmp_path / "to").rglob("*") if path.is_file())
    kept = [*(GRAFANA / "generated").rglob("*"), *(GRAFANA / "provisioning").rglob("*")]
    assert made == sorted(path.relative_to(GRAFANA) for path in kept if path.is_file())
    for path in made:
        text = (tmp_path / "to" / path).read_text("utf-8")
        if path.suffix == ".json":
            assert json.loads(text) == for_stack(json.loads((GRAFANA / path).read_text("utf-8")), place), path
        else:
            assert text == (GRAFANA / path).read_text("utf-8")


def test_dashboards_and_command_line_share_the_default_names_of_the_stack() -> None:
    assert StackNames() == StackNames(alert_rules.STACK, alert_rules.METRICS_NAMESPACE, alert_rules.REGION)


def test_the_docs_have_every_alert_rule_with_its_text_and_every_dashboard() -> None:
    text = (DOCS / "how-to" / "dashboards.md").read_text("utf-8")
    table = re.findall(r"^\| ([A-Z][^|]+) \| ([^|]+) \|$", text[text.index("## Alert rules") :], flags=re.MULTILINE)
    descriptions = {rule["title"]: rule["annotations"]["description"] for rule in RULES}
    assert dict(table) == {title: text.replace(" {{ $labels.customer }}", "") for title, text in descriptions.items()}
    for board in BOARDS.values():
        assert f"| *{board['title'].removeprefix('Picture Perfect: ')}* |" in text


def test_every_rule_of_the_table_is_provisioned_with_its_threshold_and_text() -> None:
    expected = {
        alert.rule.uid: (alert.rule.above, describe(alert, alert.rule, alert.rule.above, alert_rules.STACK))
        for alert in ALERTS
        if alert.rule
    }
    found = {}
    for rule in RULES:
        (above,) = rule["data"][-1]["model"]["conditions"][0]["evaluator"]["params"]
        found[rule["uid"]] = (above, rule["annotations"]["description"])
    assert found == expected


def test_every_sql_file_is_used() -> None:
    code = [*GRAFANA.rglob("*.py"), DOCS.parent / "infra" / "alerts" / "definitions.py"]
    named = {name for path in code for name in re.findall(r'"(\w+)"', path.read_text("utf-8"))}
    assert {path.stem for path in (GRAFANA / "sql").glob("*.sql")} <= named
