"""`pictureperfect formats`: the image formats that are accepted, tried on files that Pillow writes."""

import click

from pictureperfect.console import json_option, output


@click.command()
@json_option
def formats(as_json: bool) -> None:
    """Show which image formats are accepted, by trying each.

    Writes a small file in every format and mode that Pillow can save, reads each file back, and compares the pixels.
    """
    import msgspec  # noqa: PLC0415 - not for `--help`
    from rich.text import Text  # noqa: PLC0415

    from pictureperfect import tables  # noqa: PLC0415
    from pictureperfect.catalogue import format_table  # noqa: PLC0415

    rows = format_table.rows()
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    table = tables.plain("format", "file", "accepted", "refused, with the reason")
    for row in rows:
        refused = "\n".join(f"{mode}: {reason}" for mode, reason in row.refused)
        table.add_row(row.format, row.extension, ", ".join(row.comes_in), Text(refused or row.note))
    output().print(table)
