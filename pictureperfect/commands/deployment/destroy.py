"""`pictureperfect destroy`: a deployment, taken down."""

import click

from pictureperfect.console import notes
from pictureperfect.deployment.options import stack_option, yes_option


@click.command()
@click.option(
    "--data",
    type=click.Choice(["keep", "delete"]),
    default="keep",
    show_default=True,
    help="What becomes of the pictures, the history and the users.",
)
@stack_option
@yes_option
def destroy(data: str, stack: str, yes: bool) -> int:
    """Take a deployment down; pictures and history stay, unless told otherwise.

    What goes, what stays and what that costs is said first. Exit 0: it is gone, or was not there.
    """
    from pictureperfect.deployment import aws_session  # noqa: PLC0415 - not for `--help`
    from pictureperfect.deployment.teardown import Destroying  # noqa: PLC0415

    def say(sentence: str) -> None:
        notes().print(sentence, soft_wrap=True, markup=False)

    session = aws_session.session()
    who = aws_session.identity(session)
    doing = Destroying(session, stack, say)
    found = doing.data()
    if found is None:
        click.echo(f"There is no stack {stack} in account {who.number}, {who.region}: nothing is taken down.")
        return 0
    delete = data == "delete"
    say(doing.told(found, delete=delete))
    if not yes and not _agreed(stack, delete=delete):
        click.echo("Nothing was done.", err=True)
        return 1
    doing.run(found, delete=delete)
    click.echo(f"{stack} is gone, and its data with it." if delete else _what_stays(stack, found.buckets))
    return 0


def _agreed(stack: str, *, delete: bool) -> bool:
    if delete:
        typed: str = click.prompt(f"Pictures and history will be gone for good. Type {stack} to go on", err=True)
        return typed == stack
    return click.confirm("Go on?", err=True)


def _what_stays(stack: str, buckets: tuple[str, ...]) -> str:
    return (
        f"{stack} is gone. What stays, and is paid for: {', '.join(buckets) or 'no bucket'}, a snapshot of the "
        "database. `make deploy` takes the buckets back, and `replay` makes the history anew from them."
    )
