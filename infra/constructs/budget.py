"""The monthly budget: AWS Budgets notifies a topic; it stops nothing."""

from aws_cdk import aws_budgets as budgets
from constructs import Construct

#: Percent of the budget at which AWS notifies: of the spend so far, and of the month's forecast.
_NOTIFICATIONS = (("ACTUAL", 80), ("FORECASTED", 100))


def add_budget(scope: Construct, name: str, tag: str, dollars: float, topic_arn: str) -> None:
    """A budget of `dollars` a month for the resources that carry `tag`, spelled `key$value`."""
    subscriber = budgets.CfnBudget.SubscriberProperty(address=topic_arn, subscription_type="SNS")
    budgets.CfnBudget(
        scope,
        "Budget",
        budget=budgets.CfnBudget.BudgetDataProperty(
            budget_name=name,
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            cost_filters={"TagKeyValue": [f"user:{tag}"]},
        ),
        notifications_with_subscribers=[
            budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[subscriber],
            )
            for kind, percent in _NOTIFICATIONS
        ],
    )
