"""All sections of docs/ that are made from code."""

from tools.docs import (
    cli,
    codes,
    costs,
    formats,
    idle_costs,
    image_steps,
    ledger,
    metrics,
    openapi,
    permissions,
    settings,
)
from tools.docs.section import Section

SECTIONS: tuple[Section, ...] = (
    *cli.SECTIONS,
    *codes.SECTIONS,
    costs.SECTION,
    formats.SECTION,
    *idle_costs.SECTIONS,
    image_steps.SECTION,
    ledger.SECTION,
    metrics.SECTION,
    openapi.SECTION,
    permissions.SECTION,
    *settings.SECTIONS,
)
