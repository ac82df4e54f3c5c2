"""The tables of settings in docs/reference/settings.md, from `core.settings.entries` and its `#:` comments."""

from enum import Enum
from functools import cache, partial

import msgspec

from core.domain.model import Value
from core.settings import entries
from pictureperfect.catalogue.operation_page import field_comments, limits
from tools.docs.section import Section, table

#: The mark of each entry point's table, and the settings that core.bootstrap loads for it.
ENTRY_POINTS: dict[str, tuple[type[Value], ...]] = {
    "process and batch": (entries.ProcessSettings,),
    "record": (entries.RecordSettings,),
    "web": (entries.WebSettings,),
    "dispatch": (entries.DispatchSettings,),
    "admin": (entries.RecordSettings, entries.ReconcileSettings, entries.MigrateSettings),
}
#: Sentences for this document only, after the code's comment.
_DETAILS = {
    "operations": "See [your own code](company-code.md).",
    "pipelines": "See [pipelines](pipelines.md).",
    "work_dir": "An existing folder that may be written to.",
    "login_authorize_url": "The login's authorization endpoint.",
    "login_token_url": "The login's token endpoint.",
    "login_logout_url": "The login's logout endpoint.",
    "memory_mb": "The worker may use all but 192 MB, which the parent process needs.",
    "costs": "See [costs](../explanation/costs.md).",
    "policy": "See [costs](../explanation/costs.md).",
    "references": "Customers may always refer to their `originals/` and `incoming/` in the home bucket.",
    "workers": "The smallest share is 256 MB.",
    "overflow_queue_url": "See [Kafka](../how-to/kafka.md).",
    "kafka_customers": "See [Kafka](../how-to/kafka.md#settings).",
    "batch_definitions": "For example `picture-perfect-2x8`.",
    "submits_per_second": "Set MaximumConcurrency of the function's event source mapping to at most 8, since an "
    "instance may start just after another has ended.",
    "hold_hours": "A deployment is broken if the function cannot be imported or lacks permissions.",
    "reconcile_after_hours": "Longer than jobs wait in Batch's queue.",
    "retention_days": "`migrate` reads it, and the view `urls` of the [ledger](ledger.md) ends with the objects.",
}


def render(kinds: tuple[type[Value], ...]) -> str:
    """A row for each variable that these settings read."""
    fields = {field.name: (kind, field) for kind in kinds for field in msgspec.structs.fields(kind)}
    return table(("variable", "default", "what it is"), [_row(kind, field) for kind, field in fields.values()])


@cache
def _shared_comments() -> dict[str, str]:
    """A setting that several entry points read has its comment in one class only."""
    classes = [
        each for each in vars(entries).values() if isinstance(each, type) and each.__module__ == entries.__name__
    ]
    return {name: text for each in reversed(classes) for name, text in _comments_of(each).items()}


def _comments_of(kind: type) -> dict[str, str]:
    settings = (base for base in reversed(kind.__mro__) if base.__module__ == entries.__name__)
    return {name: text for base in settings for name, text in field_comments(base).items()}


def _row(kind: type[Value], field: msgspec.structs.FieldInfo) -> tuple[str, str, str]:
    comment = _comments_of(kind).get(field.name) or _shared_comments().get(field.name, "")
    texts = (comment, limits(msgspec.inspect.type_info(field.type)), _DETAILS.get(field.name, ""))
    return f"`{field.name.upper()}`", _default(field), " ".join(filter(None, texts)).replace("|", "\\|")


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default
    if value is msgspec.NODEFAULT:
        return "required"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:,.10g}" if value < 1e9 else f"{value:,.0f}"  # noqa: PLR2004 - as people write numbers
    text = value.value if isinstance(value, Enum) else value
    return f"`{text}`" if text else "none"


SECTIONS = tuple(
    Section("reference/settings.md", f"settings of {entry}", partial(render, kinds))
    for entry, kinds in ENTRY_POINTS.items()
)
