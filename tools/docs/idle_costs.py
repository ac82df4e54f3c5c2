"""docs/reference/idle-costs.md, made of the templates and the price file: `make idle-costs` writes its tables anew."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from infra.idle_costs.lines import Line, price_template, total_usd
from infra.idle_costs.options import price_options
from infra.idle_costs.prices import Prices, load_prices
from infra.idle_costs.template import Template

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "idle-costs.md"
_BEGIN, _END = "<!-- {}: begin -->", "<!-- {}: end -->"


def _dollars(usd: float) -> str:
    """Cents; of less than two, tenths of one."""
    return f"{usd:.3f}" if 0 < usd < 0.02 else f"{usd:.2f}"  # noqa: PLR2004 - see above


def table(found: Sequence[Line], *, summed: bool) -> str:
    """As Markdown."""
    head = "| what | dollars a month | without free allowances | why |\n| --- | --: | --: | --- |"
    rows = [
        f"| {line.item} | {_dollars(line.usd)} | {_dollars(line.usd_without_free)} | {line.reason} |" for line in found
    ]
    own, used_up = total_usd(found)
    last = [f"| **together** | **{own:.2f}** | **{used_up:.2f}** | |"] if summed else []
    return "\n".join([head, *rows, *last])


def in_document(document: str, default: Template, full: Template, price: Prices) -> str:
    """The document, with these tables between its marks."""
    text = _between(document, "default", table(price_template(default, price), summed=True))
    text = _between(text, "optional", table([*price_options(default, full, price)], summed=False))
    said = f"Prices of {price.region}, {price.date}: {', '.join(f'<{source}>' for source in price.sources)}."
    return _between(text, "prices", said)


def _between(document: str, mark: str, text: str) -> str:
    begin, end = _BEGIN.format(mark), _END.format(mark)
    before, found, rest = document.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{DOCUMENT.name} has no {begin} … {end}")
    return f"{before}{begin}\n{text}\n{end}{after}"


#: All that costs while idle and is a resource, in one stack, for the document.
FULL = """
[storage]
cloudfront = true
[kafka]
kind = "self-managed"
topics = ["images"]
bootstrap_servers = ["broker-1.example:9096"]
authentication = "SASL_SCRAM_512_AUTH"
secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:kafka-AbCdEf"
vpc_id = "vpc-0a1b2c3d"
subnet_ids = ["subnet-0a1b2c3d", "subnet-1a1b2c3d"]
security_group_ids = ["sg-0a1b2c3d"]
endpoints = true
mode = "provisioned"
"""


def templates(folder: Path) -> tuple[Template, Template]:
    """The default's and the full one's, synthesized into `folder`."""
    from infra.app import STACK, assemble  # noqa: PLC0415 - starts Node
    from infra.settings.reader import parse  # noqa: PLC0415

    found = []
    for name, text in (("default", ""), ("full", FULL)):
        assembly = assemble(parse(text), str(folder / name))
        found.append(msgspec.json.decode((assembly / f"{STACK}.template.json").read_bytes()))
    return found[0], found[1]


def main() -> int:
    """Write the document's tables anew."""
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    from infra.__main__ import find_node  # noqa: PLC0415

    find_node()
    with TemporaryDirectory() as folder:
        default, full = templates(Path(folder))
    DOCUMENT.write_text(in_document(DOCUMENT.read_text("utf-8"), default, full, load_prices()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
