"""`pictureperfect dashboards push URL`: push the dashboards and alert rules into a Grafana."""

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pictureperfect.console import json_option

if TYPE_CHECKING:
    from pictureperfect.grafana.client import Grafana

_DASHBOARDS = Path(__file__).parents[3] / "dashboards"


class Name(click.ParamType[str]):
    """An option's value that must match `pattern`; `meaning` describes it in the error."""

    name = "name"

    def __init__(self, pattern: str, meaning: str) -> None:
        self._pattern, self._meaning = re.compile(pattern), meaning

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not self._pattern.fullmatch(value):
            self.fail(f"{value!r} is not valid: {self._meaning}.", param, ctx)
        return value


_STACK = Name(r"[a-z][a-z0-9-]{0,18}[a-z0-9]", "lower-case letters, digits and dashes, 2 to 20")
_NAMESPACE = Name(r"[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}", "letters, digits and ._/#:-, 1 to 255")
_REGION = Name(r"[a-z0-9-]+", "such as eu-west-1; `default` is the data source's own")


@click.command()
@click.argument("action", type=click.Choice(["push"]))
@click.argument("url")
@click.option("--overwrite", is_flag=True, help="Overwrite edits that were made in Grafana.")
@click.option("--cloudwatch", metavar="UID", default="", help="CloudWatch data source, if there are several.")
@click.option(
    "--postgres", metavar="UID", default="", help="PostgreSQL data source of the ledger, if there are several."
)
@click.option(
    "--stack", type=_STACK, default="picture-perfect", show_default=True, help="`name` in infra/settings.toml."
)
@click.option(
    "--namespace",
    type=_NAMESPACE,
    default="PicturePerfect",
    show_default=True,
    help="METRICS_NAMESPACE of the functions.",
)
@click.option(
    "--region",
    type=_REGION,
    default="default",
    show_default=True,
    help="AWS region of the stack; `default` is the data source's.",
)
@click.option("--no-rules", is_flag=True, help="Push the dashboards only; the role Editor is enough.")
@json_option
def dashboards(
    action: str,  # noqa: ARG001 - there is one so far
    url: str,
    overwrite: bool,
    cloudwatch: str,
    postgres: str,
    stack: str,
    namespace: str,
    region: str,
    no_rules: bool,
    as_json: bool,
) -> None:
    """Push the dashboards and alert rules to the Grafana at URL, by its HTTP API.

    GRAFANA_TOKEN must be a service account's token. A second push updates only what has changed.
    """
    from core import __version__  # noqa: PLC0415 - not for `--help`
    from pictureperfect.grafana.client import Grafana, GrafanaError, PushResult  # noqa: PLC0415
    from pictureperfect.grafana.documents import StackNames, for_stack, with_data_sources  # noqa: PLC0415

    token = os.environ.get("GRAFANA_TOKEN", "")
    if not token:
        raise click.ClickException("Set GRAFANA_TOKEN to the token of a service account of that Grafana.")
    if not _DASHBOARDS.is_dir():
        raise click.ClickException(
            "The dashboards are in the repository's folder dashboards/: run this from a checkout."
        )
    rules = json.loads((_DASHBOARDS / "provisioning" / "alerting" / "rules.json").read_text("utf-8"))
    boards = [json.loads(path.read_text("utf-8")) for path in sorted((_DASHBOARDS / "generated").glob("*.json"))]
    done: list[PushResult] = []
    try:
        grafana = Grafana(url, token)
        folder, names = "picture-perfect", StackNames(stack, namespace, region)
        uids = {} if no_rules else _data_sources(grafana, cloudwatch, postgres)
        grafana.create_folder(folder, rules["groups"][0]["folder"])
        for board in boards:
            done += [grafana.push_dashboard(for_stack(board, names), folder, __version__, overwrite=overwrite)]
        for group in () if no_rules else rules["groups"]:
            wanted = with_data_sources(for_stack(group, names), uids)
            done += [grafana.push_rules(wanted, folder, overwrite=overwrite)]
    except GrafanaError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([{"title": each.title, "outcome": each.outcome, "url": each.url} for each in done]))
        return
    for each in done:
        click.echo(f"{each.outcome:<9}{each.title}{f'  {each.url}' if each.url else ''}")


def _data_sources(grafana: "Grafana", cloudwatch: str, postgres: str) -> dict[str, str]:
    """The uids that rules name. Dashboards have a variable instead."""
    return {
        "picture-perfect-cloudwatch": grafana.data_source(("cloudwatch",), cloudwatch, "--cloudwatch"),
        "picture-perfect-postgres": grafana.data_source(
            ("grafana-postgresql-datasource", "postgres"), postgres, "--postgres"
        ),
    }
