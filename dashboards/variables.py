"""Variables of the dashboards that query CloudWatch."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import VariableHide, VariableOption

from dashboards import names


def region() -> dashboard.QueryVariable:
    """The AWS region; at first the data source's default."""
    return (
        dashboard.QueryVariable("region")
        .label("Region")
        .description("Region of the stack")
        .datasource(names.CLOUDWATCH)
        .query({"queryType": "regions", "refId": "CloudWatchVariableQueryEditor-VariableQuery"})
        .current(VariableOption(text="default", value="default"))
        .hide(VariableHide.DONT_HIDE)
    )


def textbox(name: str, label: str, value: str, meaning: str) -> dashboard.TextBoxVariable:
    """A text with a default, such as the stack's name."""
    return (
        dashboard.TextBoxVariable(name)
        .label(label)
        .description(meaning)
        .default_value(value)
        .current(VariableOption(text=value, value=value))
    )
