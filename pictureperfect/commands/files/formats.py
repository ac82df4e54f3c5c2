"""`pictureperfect formats`: what comes in, shown on a file of everything that Pillow can write."""

from pathlib import Path

import click

from pictureperfect.console import json_option, output


@click.command()
@click.option(
    "--check",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Compare with the table in this document (docs/reference/formats.md); exit 1 where it differs.",
)
@click.option("--markdown", is_flag=True, help="The table as it stands in docs/reference/formats.md.")
@json_option
def formats(check: Path | None, markdown: bool, as_json: bool) -> None:
    """Write a small file of every format and mode that Pillow can save, read each back, and say what comes in."""
    import msgspec  # noqa: PLC0415 - `--help` needs none of it
    from rich.text import Text  # noqa: PLC0415

    from pictureperfect import tables  # noqa: PLC0415
    from pictureperfect.catalogue import format_table  # noqa: PLC0415

    found = format_table.rows()
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    elif markdown:
        click.echo(format_table.markdown(found), nl=False)
    elif check is None:
        table = tables.plain("format", "file", "comes in", "does not, and why")
        for row in found:
            why = "\n".join(f"{mode}: {reason}" for mode, reason in row.refused)
            table.add_row(row.format, row.extension, ", ".join(row.comes_in), Text(why or row.note))
        output().print(table)
    if check is None:
        return
    if format_table.in_document(check.read_text(encoding="utf-8")) != format_table.markdown(found):
        raise click.ClickException(
            f"The table in {check} is not what comes in now; `pictureperfect formats --markdown` prints what is."
        )
