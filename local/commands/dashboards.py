"""`pictureperfect dashboards push URL`: the dashboards and alert rules, into any Grafana."""

import json
import os
from pathlib import Path

import click

from local.console import json_option

_GRAFANA = Path(__file__).parents[2] / "infra" / "grafana"


@click.command()
@click.argument("action", type=click.Choice(["push"]))
@click.argument("url")
@click.option("--overwrite", is_flag=True, help="Also what somebody changed in Grafana since it was pushed.")
@click.option("--cloudwatch", metavar="UID", default="", help="The data source of CloudWatch, where there are several.")
@click.option("--postgres", metavar="UID", default="", help="That of the ledger, where there are several.")
@click.option("--no-rules", is_flag=True, help="The dashboards alone; their tokens need less.")
@json_option
def dashboards(
    action: str,  # noqa: ARG001 - there is one so far
    url: str,
    overwrite: bool,
    cloudwatch: str,
    postgres: str,
    no_rules: bool,
    as_json: bool,
) -> None:
    """Put the dashboards and alert rules into a Grafana, by its HTTP API.

    GRAFANA_TOKEN is a service account's token. Doing it again changes what has changed.
    """
    from core import __version__  # noqa: PLC0415 - not for `--help`
    from local.grafana import Grafana, GrafanaError, Pushed, with_source  # noqa: PLC0415

    token = os.environ.get("GRAFANA_TOKEN", "")
    if not token:
        raise click.ClickException("Set GRAFANA_TOKEN to the token of a service account of that Grafana.")
    if not _GRAFANA.is_dir():
        raise click.ClickException("The dashboards are in infra/grafana of the repository: run it from a checkout.")
    rules = json.loads((_GRAFANA / "provisioning" / "alerting" / "rules.json").read_text("utf-8"))
    boards = [json.loads(path.read_text("utf-8")) for path in sorted((_GRAFANA / "dashboards").glob("*.json"))]
    done: list[Pushed] = []
    try:
        grafana = Grafana(url, token)
        sources = {
            "picture-perfect-cloudwatch": grafana.source(("cloudwatch",), cloudwatch, "--cloudwatch"),
            "picture-perfect-postgres": grafana.source(
                ("grafana-postgresql-datasource", "postgres"), postgres, "--postgres"
            ),
        }
        folder = "picture-perfect"
        grafana.folder(folder, rules["groups"][0]["folder"])
        done += [grafana.dashboard(board, folder, __version__, overwrite=overwrite) for board in boards]
        if not no_rules:
            done += [
                grafana.rules(with_source(group, sources), folder, overwrite=overwrite) for group in rules["groups"]
            ]
    except GrafanaError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([{"title": one.title, "outcome": one.outcome, "url": one.url} for one in done]))
        return
    for one in done:
        click.echo(f"{one.outcome:<9}{one.title}{f'  {one.url}' if one.url else ''}")
