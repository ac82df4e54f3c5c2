"""`pictureperfect destroy`: delete a deployment."""

import click

from pictureperfect.console import notes
from pictureperfect.deployment.options import stack_option, yes_option


@click.command()
@click.option(
    "--data",
    type=click.Choice(["keep", "delete"]),
    default="keep",
    show_default=True,
    help="Keep or delete the pictures, the history and the users.",
)
@stack_option
@yes_option
def destroy(data: str, stack: str, yes: bool) -> int:
    """Delete a deployment, but keep its data by default.

    First lists what is deleted, what stays and what that costs, and asks for confirmation. Exit 0 if the stack is
    deleted or does not exist.
    """
    from pictureperfect.deployment import aws_session  # noqa: PLC0415 - not for `--help`
    from pictureperfect.deployment.teardown import Teardown  # noqa: PLC0415

    def say(sentence: str) -> None:
        notes().print(sentence, soft_wrap=True, markup=False)

    session = aws_session.open_session()
    account = aws_session.caller_account(session)
    teardown = Teardown(session, stack, say)
    stack_data = teardown.data()
    if stack_data is None:
        click.echo(f"There is no stack {stack} in account {account.number}, {account.region}: nothing to delete.")
        return 0
    delete = data == "delete"
    say(teardown.describe(stack_data, delete=delete))
    if not yes and not _is_confirmed(stack, delete=delete):
        click.echo("Nothing was deleted.", err=True)
        return 1
    teardown.run(stack_data, delete=delete)
    click.echo(f"{stack} is deleted, and its data too." if delete else _remaining(stack, stack_data.buckets))
    return 0


def _is_confirmed(stack: str, *, delete: bool) -> bool:
    if delete:
        typed: str = click.prompt(f"Pictures and history will be deleted for good. Type {stack} to continue", err=True)
        return typed == stack
    return click.confirm("Continue?", err=True)


def _remaining(stack: str, buckets: tuple[str, ...]) -> str:
    return (
        f"{stack} is deleted. These stay and are billed: {', '.join(buckets) or 'no bucket'}, a snapshot of the "
        "database. `make deploy` takes the buckets over, and `replay` rebuilds the history from them."
    )
