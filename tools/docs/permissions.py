"""docs/reference/permissions.md, from the synthesized policies and from the calls that tests/policies/ tries.

The denied calls are the tests' own list, so this module imports `tests.policies` and needs a checkout.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from textwrap import fill
from typing import Any

from localcloud import template_policies
from localcloud.iam import Policy
from tools.docs.section import Section, table

_WIDTH = 120
_ROLES = {
    "process": "`handler.process`, outside any VPC. It processes the images that fit and hands the others over.",
    "dispatch": "`handler.dispatch`, outside any VPC. It submits Batch jobs and records the jobs that Batch has lost.",
    "record": "`handler.record`, inside the database's VPC. It archives sources, fills the tables and erases.",
    "admin": "`handler.admin`, inside the database's VPC. It migrates, reconciles and replays.",
    "web": "`handler.web`, inside the database's VPC. It signs for browsers only requests that its own role allows.",
    "job": "The code in a Batch job, on Fargate. It processes the images that do not fit into the function.",
    "execution": "Fargate, before a job's code starts: it pulls the image and opens the log.",
}
_HEAD = """\
# Permissions

There is one role for each function, one for the code in a Batch job and one that starts its container.
`infra/constructs/roles.py` holds all policies; none of them is managed by AWS. `make docs` makes this page from the
template of the default settings, and a test fails when it is stale.

The tests in `tests/policies/` run the whole system under these policies, with IAM enforced: every door, Batch, failed
invocations, erasure, reconciling and replay. No call on the way may be denied, and every grant must be needed by some
call. Each call that is listed below as denied is made and denied, and succeeds where everything is allowed.

Roles may delete only specific object versions, so a delete marker can hide nothing. No role may delete under
`results/` or `tombstones/`, from which the database can be rebuilt. The recorder erases, and so does the operator's
function during a replay; the page requests an erasure by a tombstone.
"""
_TAIL = """\
## What these tests do not cover

The embedded IAM evaluates neither conditions nor the policies of bucket and queues. The tests of the template
(`tests/infra/`) assert that only S3 may send to the queues, that only this bucket's notifications may invoke `process`,
and that every read needs TLS. `rds-db:connect`, the logs, the network interfaces and MSK have no local service that
asks IAM; the same engine judges them from the policy alone. An IAM database user is also limited by its PostgreSQL
grants: `core/adapters/postgres/schema/roles.sql`.
"""


def render() -> str:
    """The document for the default settings, and for settings with MSK and REFERENCES."""
    from tests.policies.conftest import SHIPPED, WHOLE  # noqa: PLC0415 - pytest, and Node for the synthesis
    from tests.support.aws import synthesis  # noqa: PLC0415

    default, full = (
        template_policies.read_policies(json.loads(synthesis.template(settings).read_text("utf-8")))
        for settings in (SHIPPED, WHOLE)
    )
    sections = (_section(role, default[role], full[role]) for role in _ROLES)
    return "\n".join([_HEAD, *sections, _common(), _TAIL])


def _section(role: str, default: Policy, full: Policy) -> str:
    from tests.policies.account import everywhere  # noqa: PLC0415
    from tests.policies.test_denials import ATTEMPTS  # noqa: PLC0415

    common = {attempt.what for attempt in everywhere(role)}
    denied = [attempt.what for attempt in ATTEMPTS if attempt.role == role and attempt.what not in common]
    added = [statement for statement in full["Statement"] if statement not in default["Statement"]]
    lines = [f"## {role}", "", _ROLES[role], "", _grants("may", default["Statement"])]
    if added:
        lines += ["", _grants("may also, with a stream of MSK and with REFERENCES", added)]
    return "\n".join([*lines, "", _paragraph("Tried and denied", denied), ""])


def _common() -> str:
    from tests.policies.account import everywhere  # noqa: PLC0415

    denied = _paragraph("Tried and denied, for each role", (attempt.what for attempt in everywhere("process")))
    return f"## Every role\n\n{denied}\n"


def _paragraph(title: str, calls: Iterable[str]) -> str:
    return fill(f"{title}: {'; '.join(calls)}.", _WIDTH, break_on_hyphens=False)


def _grants(title: str, statements: Sequence[Mapping[str, Any]]) -> str:
    return table((title, "on"), [_grant(statement) for statement in statements])


def _grant(statement: Mapping[str, Any]) -> tuple[str, str]:
    actions = ", ".join(f"`{action}`" for action in _listed(statement["Action"]))
    if statement["Effect"] == "Deny":
        return f"**denied** to its own code: {actions}", "`*`"
    resources = ", ".join(dict.fromkeys(map(_resource, _listed(statement["Resource"]))))
    return actions, f"{resources}{_prefixes(statement)}"


def _prefixes(statement: Mapping[str, Any]) -> str:
    """The prefixes that a listing of the bucket is limited to, which IAM expresses as a condition."""
    prefixes = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix", [])
    return f", under {', '.join(f'`{prefix}`' for prefix in _listed(prefixes))}" if prefixes else ""


def _resource(arn: str) -> str:
    """A name without the deployment, account and region."""
    from tests.policies.conftest import BUCKET, DEPLOYMENT  # noqa: PLC0415

    service, kind, rest = _parts(arn)
    match service:
        case "s3":
            path = rest.removeprefix(BUCKET)
            return f"`{path.removeprefix('/')}`" if path else "the bucket"
        case "sqs":
            return f"the queue `{rest.removeprefix(f'{DEPLOYMENT}-')}`"
        case "batch" | "kafka" | "ecr":
            names = {"job-definition": "the job definitions of the five tiers", "job-queue": "the job queue"}
            return names.get(kind, f"the {kind}")
        case "logs":
            return "its own log"
        case "rds-db":
            return f"the database's user `{rest.rsplit('/', 1)[-1]}`"
        case _:
            return f"`{arn}`"


def _parts(arn: str) -> tuple[str, str, str]:
    """Service, kind of resource, and the rest after the account; an empty service for `*`."""
    matched = re.fullmatch(r"arn:aws:([^:]+):[^:]*:[^:]*:(.+)", arn)
    if not matched:
        return "", "", arn
    return matched[1], re.split("[:/]", matched[2])[0], matched[2]


def _listed(value: str | list[str]) -> list[str]:
    """IAM writes a list of one as its item."""
    return [value] if isinstance(value, str) else value


SECTION = Section("reference/permissions.md", "", render)
