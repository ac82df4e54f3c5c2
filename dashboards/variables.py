"""What somebody may choose at the top of a dashboard of CloudWatch."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import VariableHide, VariableOption

from dashboards import names


def region() -> dashboard.QueryVariable:
    """Which region of AWS; the data source's own, until another is chosen."""
    return (
        dashboard.QueryVariable("region")
        .label("Region")
        .description("Where the stack is")
        .datasource(names.CLOUDWATCH)
        .query({"queryType": "regions", "refId": "CloudWatchVariableQueryEditor-VariableQuery"})
        .current(VariableOption(text="default", value="default"))
        .hide(VariableHide.DONT_HIDE)
    )


def textbox(name: str, label: str, value: str, meaning: str) -> dashboard.TextBoxVariable:
    """A word that the stack was given."""
    return (
        dashboard.TextBoxVariable(name)
        .label(label)
        .description(meaning)
        .default_value(value)
        .current(VariableOption(text=value, value=value))
    )
