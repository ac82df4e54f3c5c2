"""`pictureperfect dashboards push URL`: the dashboards and alert rules, into any Grafana."""

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pictureperfect.console import json_option

if TYPE_CHECKING:
    from pictureperfect.grafana.client import Grafana

_GRAFANA = Path(__file__).parents[3] / "dashboards"


class Name(click.ParamType[str]):
    """A name that is spelled as `pattern` has it."""

    name = "name"

    def __init__(self, pattern: str, meaning: str) -> None:
        self._pattern, self._meaning = re.compile(pattern), meaning

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not self._pattern.fullmatch(value):
            self.fail(f"{value!r} is none: {self._meaning}.", param, ctx)
        return value


_STACK = Name(r"[a-z][a-z0-9-]{0,18}[a-z0-9]", "lower-case letters, digits and dashes, 2 to 20")
_NAMESPACE = Name(r"[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}", "letters, digits and ._/#:-, 1 to 255")
_REGION = Name(r"[a-z0-9-]+", "such as eu-west-1; `default` is the data source's own")


@click.command()
@click.argument("action", type=click.Choice(["push"]))
@click.argument("url")
@click.option("--overwrite", is_flag=True, help="Also what somebody changed in Grafana since it was pushed.")
@click.option("--cloudwatch", metavar="UID", default="", help="The data source of CloudWatch, where there are several.")
@click.option("--postgres", metavar="UID", default="", help="That of the ledger, where there are several.")
@click.option("--stack", type=_STACK, default="picture-perfect", help="The `name` in infra/settings.toml.")
@click.option("--namespace", type=_NAMESPACE, default="PicturePerfect", help="METRICS_NAMESPACE of the functions.")
@click.option("--region", type=_REGION, default="default", help="Where the stack is; the data source's own.")
@click.option("--no-rules", is_flag=True, help="The dashboards alone; their tokens need less.")
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
    """Put the dashboards and alert rules into a Grafana, by its HTTP API.

    GRAFANA_TOKEN is a service account's token. Doing it again changes what has changed.
    """
    from core import __version__  # noqa: PLC0415 - not for `--help`
    from pictureperfect.grafana.client import Grafana, GrafanaError, Pushed  # noqa: PLC0415
    from pictureperfect.grafana.documents import Place, in_place, with_source  # noqa: PLC0415

    token = os.environ.get("GRAFANA_TOKEN", "")
    if not token:
        raise click.ClickException("Set GRAFANA_TOKEN to the token of a service account of that Grafana.")
    if not _GRAFANA.is_dir():
        raise click.ClickException("The dashboards are in infra/grafana of the repository: run it from a checkout.")
    rules = json.loads((_GRAFANA / "provisioning" / "alerting" / "rules.json").read_text("utf-8"))
    boards = [json.loads(path.read_text("utf-8")) for path in sorted((_GRAFANA / "generated").glob("*.json"))]
    done: list[Pushed] = []
    try:
        grafana = Grafana(url, token)
        folder, place = "picture-perfect", Place(stack, namespace, region)
        sources = {} if no_rules else _sources(grafana, cloudwatch, postgres)
        grafana.folder(folder, rules["groups"][0]["folder"])
        for board in boards:
            done += [grafana.dashboard(in_place(board, place), folder, __version__, overwrite=overwrite)]
        for group in () if no_rules else rules["groups"]:
            asked = with_source(in_place(group, place), sources)
            done += [grafana.rules(asked, folder, overwrite=overwrite)]
    except GrafanaError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([{"title": one.title, "outcome": one.outcome, "url": one.url} for one in done]))
        return
    for one in done:
        click.echo(f"{one.outcome:<9}{one.title}{f'  {one.url}' if one.url else ''}")


def _sources(grafana: "Grafana", cloudwatch: str, postgres: str) -> dict[str, str]:
    """What rules name by uid; dashboards ask by variable."""
    return {
        "picture-perfect-cloudwatch": grafana.source(("cloudwatch",), cloudwatch, "--cloudwatch"),
        "picture-perfect-postgres": grafana.source(
            ("grafana-postgresql-datasource", "postgres"), postgres, "--postgres"
        ),
    }
