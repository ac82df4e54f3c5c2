"""docs/reference/permissions.md, of the synthesized policies and of what is tried against them.

`python -m tests.policies.document` writes it anew.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from localcloud.iam import Policy
from localcloud.lambda_.sandbox_process import ROOT
from tests.policies.account import everywhere
from tests.policies.conftest import BUCKET, DEPLOYMENT
from tests.policies.test_denials import ATTEMPTS
from tests.policies.witness import listed

_WIDTH = 120
PATH = ROOT / "docs" / "reference" / "permissions.md"
_HOLDERS = {
    "process": "`handler.process`, outside any VPC. It runs the images that fit, and hands the others over.",
    "dispatch": "`handler.dispatch`, outside any VPC. It submits what was handed over, and ends what Batch has lost.",
    "record": "`handler.record`, inside the database's VPC. It archives sources, fills the tables, and erases.",
    "admin": "`handler.admin`, inside the database's VPC. It migrates, reconciles, and replays what `record` has done.",
    "web": "`handler.web`, inside the database's VPC. What it signs for a browser, it must be allowed itself.",
    "job": "The code in a Batch job, in Fargate. It runs the images that do not fit into the function.",
    "execution": "Fargate, before a job's code begins: it pulls the image and opens the log. No code of ours has it.",
}
_HEAD = """\
# Who may do what

One role for each function, one for the code in a Batch job, one for what starts its container. `infra/roles.py` says
what each may; there is no other policy, and no managed one. What stands here is read from the template of the settings
as they are shipped, and a test fails when it is not so any more; `python -m tests.policies.document` writes it anew.

The tests in `tests/policies/` run the whole system under these policies, with IAM enforced: every door, Batch, what
Lambda gave up on, erasure, reconciling and replay. Nothing may be denied on the way, and nothing may be granted that
the way does not need. Each call that is listed here as denied is really tried, and let through where all is allowed.

Nobody may delete anything but a version by its name, so that no object can be hidden that is still there. Nobody at all
may delete under `results/` or `tombstones/`, the truth that the database is made of. Erasing is the recorder's, and by
a replay the operator's; the page asks for it with a tombstone.
"""
_TAIL = """\
## What these tests do not see

The embedded IAM knows neither conditions nor the policies of bucket and queues: that S3 alone may write to the queues,
that only this bucket's notifications may invoke `process`, and that nothing is read without TLS is asserted on the
template (`tests/infra/`). `rds-db:connect`, the logs, the network interfaces and MSK have no service there that would
ask; they are judged by the same engine, on the policy alone. An IAM database user is also bound by what PostgreSQL
grants it: `core/adapters/postgres/schema/roles.sql`.
"""


def text(shipped: Mapping[str, Policy], whole: Mapping[str, Policy]) -> str:
    """The document."""
    return "\n".join([_HEAD, *(_section(role, shipped[role], whole[role]) for role in _HOLDERS), _nobody(), _TAIL])


def _section(role: str, shipped: Policy, whole: Policy) -> str:
    own = [attempt.what for attempt in ATTEMPTS if attempt.role == role]
    common = {attempt.what for attempt in everywhere(role)}
    more = [statement for statement in whole["Statement"] if statement not in shipped["Statement"]]
    lines = [f"## {role}", "", _HOLDERS[role], "", *_table("may", shipped["Statement"])]
    if more:
        lines += ["", *_table("may besides, with a stream of MSK and with REFERENCES", more)]
    return "\n".join([*lines, "", _denied("Tried and denied", (what for what in own if what not in common)), ""])


def _nobody() -> str:
    denied = _denied("Tried and denied, for each role", (attempt.what for attempt in everywhere("process")))
    return f"## All of them\n\n{denied}\n"


def _denied(title: str, what: Iterable[str]) -> str:
    return fill(f"{title}: {'; '.join(what)}.", _WIDTH, break_on_hyphens=False)


def _table(title: str, statements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"| {title} | on |"
    yield "| --- | --- |"
    for statement in statements:
        actions = ", ".join(f"`{action}`" for action in listed(statement["Action"]))
        if statement["Effect"] == "Deny":
            yield f"| **denied** to its own code: {actions} | `*` |"
        else:
            named = ", ".join(dict.fromkeys(_named(listed(statement["Resource"]))))
            yield f"| {actions} | {named}{_under(statement)} |"


def _under(statement: Mapping[str, Any]) -> str:
    """Of the bucket, which part: S3 asks for a listing's prefix by a condition."""
    prefixes = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix", [])
    return f", under {', '.join(f'`{prefix}`' for prefix in listed(prefixes))}" if prefixes else ""


def _named(resources: Iterable[str]) -> Iterator[str]:
    """In words: names of deployments, accounts and regions are of no interest here."""
    for resource in resources:
        service, kind, rest = _parts(resource)
        if service == "s3":
            place = rest.removeprefix(BUCKET)
            yield f"`{place.removeprefix('/')}`" if place else "the bucket"
        elif service == "sqs":
            yield f"the queue `{rest.removeprefix(f'{DEPLOYMENT}-')}`"
        elif service in {"batch", "kafka", "ecr"}:
            yield {"job-definition": "the definitions of the five sizes", "job-queue": "the job queue"}.get(
                kind, f"the {kind}"
            )
        elif service == "logs":
            yield "its own log"
        elif service == "rds-db":
            yield f"the database's user `{rest.rsplit('/', 1)[-1]}`"
        else:
            yield f"`{resource}`"


def _parts(resource: str) -> tuple[str, str, str]:
    found = re.fullmatch(r"arn:aws:([^:]+):[^:]*:[^:]*:(.+)", resource)
    if not found:
        return "", "", resource
    return found[1], re.split("[:/]", found[2])[0], found[2]


def main(out: Path = PATH) -> None:
    """Synthesize, and write."""
    import json

    from localcloud import template_policies
    from tests.policies.conftest import SHIPPED, WHOLE
    from tests.support.aws import synthesis

    shipped, whole = (
        template_policies.read_policies(json.loads(synthesis.template(settings).read_text("utf-8")))
        for settings in (SHIPPED, WHOLE)
    )
    out.write_text(text(shipped, whole), "utf-8")


if __name__ == "__main__":
    main()
