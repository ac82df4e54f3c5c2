"""The tables in docs/reference/idle-costs.md, from the synthesized templates and the price file."""

from collections.abc import Sequence

import msgspec

from infra.idle_costs.lines import Line, price_template, total_usd
from infra.idle_costs.options import price_options
from infra.idle_costs.prices import load_prices
from infra.idle_costs.template import Template
from tools.docs.section import Section, table

#: Settings of a stack with every resource that costs money while nothing happens.
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


def default() -> str:
    """The default stack, line by line and summed."""
    priced = price_template(template(""), load_prices())
    own, used_up = total_usd(priced)
    return _table(priced, [("**together**", f"**{own:.2f}**", f"**{used_up:.2f}**", "")])


def options() -> str:
    """The lines that settings add to the default."""
    return _table([*price_options(template(""), template(FULL), load_prices())])


def sources() -> str:
    """Date, region and addresses of the prices."""
    price = load_prices()
    return f"Prices of {price.region}, {price.date}: {', '.join(f'<{source}>' for source in price.sources)}."


def template(settings: str) -> Template:
    """The template of a stack with these settings, synthesized once per process."""
    from tests.support.aws import synthesis  # noqa: PLC0415 - starts Node

    decoded: Template = msgspec.json.decode(synthesis.template(settings).read_bytes())
    return decoded


def _table(priced: Sequence[Line], last: Sequence[tuple[str, ...]] = ()) -> str:
    rows = [(line.item, _dollars(line.usd), _dollars(line.usd_without_free), line.reason) for line in priced]
    head = ("what", "dollars a month", "without free allowances", "why")
    return table(head, [*rows, *last], right=frozenset({1, 2}))


def _dollars(usd: float) -> str:
    """Two digits after the point; three below two cents."""
    return f"{usd:.3f}" if 0 < usd < 0.02 else f"{usd:.2f}"  # noqa: PLR2004 - see above


_FILE = "reference/idle-costs.md"
SECTIONS = (Section(_FILE, "default", default), Section(_FILE, "optional", options), Section(_FILE, "prices", sources))
