"""Every function and the Batch job go the whole way under the policies of infra/, each with nothing but its own role.

moto enforces IAM on each of their calls to S3 and SQS, and the local Batch on SubmitJob and ListJobs. What moto does
not ask and AWS does (the version that a HEAD names, the source of a copy and its tags, the right to list without which
a missing object is 403) is asked of the policies afterwards, by moto's own engine. Neither sees conditions, or the
policies of the bucket and the queues; a presigned request carries no role's keys here, so that what the page signs for
others is done as the page.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.domain import object_keys
from localcloud import clients
from localcloud.cloud import Cloud
from localcloud.iam import Policy
from pictureperfect.kafka.producer import KafkaRecord
from tests.policies.conftest import BUCKET
from tests.policies.witness import Call, Grant, allows, grants, watching
from tests.policies.world import CUSTOMER, World, broken, heavy, large, options, small
from tests.support.aws.lambda_failures import gave_up, gave_up_batch

pytestmark = pytest.mark.long

ROLES = ("process", "dispatch", "record", "admin", "web", "job")
#: Of no upload: it stays where it is, and is told of once.
STRAY = "incoming/acme/stray.jpg"
CAT, DOG, COW = "library/acme/cat.jpg", "library/acme/dog.jpg", "originals/acme/old/cow.jpg"
HEADERS = {"customer-id": CUSTOMER, "pipeline": "thumbnail"}

#: By name: how each image ends, and where.
ENDINGS = {
    "upload.jpg": ("processed", "lambda"),
    "heavy.jpg": ("processed", "lambda"),
    "broken.jpg": ("failed", "lambda"),
    "unfit.jpg": ("failed", "lambda"),
    "large-1.jpg": ("processed", "batch"),
    "large-2.jpg": ("processed", "batch"),
    "direct.jpg": ("processed", "lambda"),
    "reference.jpg": ("processed", "lambda"),
    "again.jpg": ("processed", "batch"),
    "kafka.jpg": ("processed", "lambda"),
    "dog.jpg": ("processed", "batch"),
    "cow.jpg": ("processed", "batch"),
    "twice-0.jpg": ("processed", "lambda"),
    "twice-1.jpg": ("processed", "lambda"),
    "lost-0.jpg": ("processed", "batch"),
    "lost-1.jpg": ("processed", "batch"),
    "given-up-0.jpg": ("processed", "batch"),
    "given-up-1.jpg": ("processed", "batch"),
    "killed.jpg": ("processed", "batch"),
    "crashed.jpg": ("failed", "batch"),
    "hoarded.jpg": ("processed", "batch"),
    "claimed.jpg": ("processed", "batch"),
    "by-hand.jpg": ("processed", "batch"),
}
LATER = {
    "silent.jpg": ("processed", "batch"),
    "abandoned.jpg": ("failed", "batch"),
    "replayed.jpg": ("processed", "lambda"),
    "unfit-too.jpg": ("failed", "lambda"),
}
ERASED = {
    "record": ("upload.jpg", "broken.jpg", "large-1.jpg", "abandoned.jpg"),
    "admin": ("direct.jpg", "unfit.jpg", "silent.jpg"),
}
FORGOTTEN = {name for names in ERASED.values() for name in names}

#: Grants that no call here needs, by how they begin, and why they are there.
UNSEEN = {
    "rds-db:connect ": "PostgreSQL is a socket here; the token is signed without a call.",
    "logs:": "The log is a file here; Lambda and Fargate write it in the role's name.",
    "ec2:": "Lambda makes the interfaces of what is inside a VPC.",
    "kafka:": "The event source mapping asks MSK; the broker here knows no IAM.",
    "kafka-cluster:": "The event source mapping reads MSK; the broker here knows no IAM.",
    "batch:SubmitJob arn:aws:batch:us-east-1:123456789012:job-definition/": "No test takes what the larger sizes have.",
}
#: Of single roles, as role, action and resource.
RARE = {
    ("dispatch", "sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:picture-perfect-records"): (
        "Said once more where an image ends while its source is being staged: a matter of milliseconds."
    ),
}


@dataclass
class Gone:
    """The cloud through which all of it went, and what was asked of IAM meanwhile."""

    world: World
    calls: list[Call] = field(default_factory=list)

    def needs(self, role: str) -> set[tuple[str, str]]:
        return {need for call in self.calls if call.role == role for need in call.needs}


@pytest.fixture(scope="module")
def gone(whole: dict[str, Policy], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gone]:
    """Once every way was gone that there is."""
    folder = tmp_path_factory.mktemp("whole")
    with watching() as witness, Cloud(folder / "cloud", options(folder), policies=whole) as cloud:
        world = World(cloud)
        go(world)
        finish(world)
        yield Gone(world, witness.by_roles)


def go(world: World) -> None:
    """All at once, as far as nothing waits for another."""
    world.admin("migrate")
    world.narrow()
    for key, body in ((CAT, small(1)), (DOG, large(4)), (COW, large(5))):
        world.put(key, body)
    world.notify(on=False)
    world.quietly("silent.jpg", small(2))
    world.take_up(world.quietly("abandoned.jpg", small(3)), 3)
    waiting = [world.quietly(f"waiting-{number}.jpg", small(4 + number)) for number in range(2)]
    world.notify(on=True)
    world.kill("killed.jpg")
    world.hand_over(
        world.job("crashed.jpg", CAT, "crash"),
        world.job("hoarded.jpg", COW, "hoard"),
        world.claimed(world.job("claimed.jpg", CAT)),
    )
    world.upload("upload.jpg", small(6))
    world.upload_in_parts("heavy.jpg", heavy())
    world.upload("broken.jpg", broken())
    for number in (1, 2):
        world.upload(f"large-{number}.jpg", large(number))
        world.direct("direct.jpg", small(7))
    world.direct("unfit.jpg", broken())
    world.refer("reference.jpg", CAT)
    world.refer("again.jpg", COW)
    world.produce(
        KafkaRecord(name="kafka.jpg", value=small(8), headers={**HEADERS, "filename": "kafka.jpg"}),
        *(KafkaRecord(name=key, value=_reference(world, key), headers=HEADERS) for key in (DOG, COW)),
    )
    world.deliver(world.records("twice", small(9), _reference(world, waiting[0].key)))
    lost = gave_up_batch(world.records("lost", small(10), _reference(world, waiting[1].key)))
    given_up = [
        gave_up(world.request(f"given-up-{number}.jpg", s3=world.url(key))) for number, key in enumerate((CAT, COW))
    ]
    world.give_up(("kafka/lost-0", lost), ("kafka/lost-0", lost), *(("async/process", one) for one in given_up))
    world.run_twice("by-hand.jpg", CAT)
    world.ended(*ENDINGS)


def finish(world: World) -> None:
    """What an operator does, and a customer who wants to be forgotten."""
    rows = world.rows()
    world.look(rows["upload.jpg"])
    world.browse(rows["upload.jpg"]["image_id"])
    world.put(STRAY, small(22))
    world.told(STRAY)
    place = f"incoming/acme/thumbnail/inline-{rows['direct.jpg']['image_id']}/source"
    world.put(place, small(20), sha256="another")
    world.announce(f"results/{rows['direct.jpg']['image_id']}/0.json")
    world.gone(place)

    assert world.reconcile_without_time()["whole"] is False
    assert world.admin("reconcile")["whole"] is True
    rows = world.ended("silent.jpg", "abandoned.jpg")

    assert world.admin("reconcile")["refused"] == 0
    for name in ERASED["record"]:
        world.erase(rows[name]["image_id"])
    world.gone(*(place for name in ERASED["record"] for place in _belongings(rows[name])))

    world.notify(on=False)  # the recorder hears of nothing
    for name in ERASED["admin"]:
        world.erase(rows[name]["image_id"])
    world.direct("replayed.jpg", small(21))
    world.direct("unfit-too.jpg", broken())
    assert world.admin("replay")["failed"] == []
    world.notify(on=True)


def _reference(world: World, key: str) -> bytes:
    return f'{{"s3": "{world.url(key)}"}}'.encode()


def _belongings(row: dict[str, Any]) -> tuple[str, ...]:
    return object_keys.belongings(CUSTOMER, row["image_id"])


def test_every_image_ended_once_and_as_it_should(gone: Gone) -> None:
    rows = gone.world.rows()
    expected = {name: ending for name, ending in (ENDINGS | LATER).items() if name not in FORGOTTEN}
    assert {name: (row["status"], row["route"]) for name, row in rows.items() if name in expected} == expected
    assert set(gone.world.endings().values()) == {1}
    assert len(gone.world.endings()) == len(ENDINGS) + len(LATER)


def test_sources_are_kept_where_they_belong_and_what_was_erased_is_nowhere(gone: Gone) -> None:
    rows, world = gone.world.rows(), gone.world
    assert world.keys("incoming/") == [STRAY]
    assert len(world.keys("refused/incoming/")) == 1
    assert world.keys(f"quarantine/acme/{rows['unfit-too.jpg']['image_id']}/")
    for name in ("heavy.jpg", "large-2.jpg", "replayed.jpg"):
        assert world.keys(f"originals/acme/{rows[name]['image_id']}/")
    assert not FORGOTTEN & set(rows)
    assert len(world.keys("tombstones/")) == len(FORGOTTEN)
    assert len({key.rsplit("/", 1)[0] for key in world.keys("processed/")}) == sum(
        row["status"] == "processed"
        for name, row in rows.items()
        if name  # of what was erased, the row alone is left
    )


def test_nothing_was_denied(gone: Gone) -> None:
    assert [call for call in gone.calls if not call.allowed] == []
    assert {call.role for call in gone.calls} == set(ROLES)
    assert "denied" not in gone.world.logs().lower()


@pytest.mark.parametrize("role", ROLES)
def test_what_aws_asks_beyond_moto_is_allowed_too(gone: Gone, whole: dict[str, Policy], role: str) -> None:
    assert gone.needs(role)
    assert [need for need in sorted(gone.needs(role)) if not allows(whole[role], *need)] == []


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_granted_that_nobody_needs(gone: Gone, whole: dict[str, Policy], role: str) -> None:
    needs = gone.needs(role)
    idle = [grant for grant in grants(whole[role]) if not any(grant.covers(*need) for need in needs)]
    assert [grant for grant in idle if not _is_explained(role, grant)] == []


def _is_explained(role: str, grant: Grant) -> bool:
    spelled = f"{grant.action} {grant.resource}"
    return spelled.startswith(tuple(UNSEEN)) or (role, grant.action, grant.resource) in RARE


def test_each_explanation_of_an_unseen_grant_is_of_a_grant(gone: Gone, whole: dict[str, Policy]) -> None:
    spelled = [f"{grant.action} {grant.resource}" for role in ROLES for grant in grants(whole[role])]
    assert [start for start in UNSEEN if not any(one.startswith(start) for one in spelled)] == []
    assert all(Grant(action, resource) in grants(whole[role]) for role, action, resource in RARE)


@pytest.mark.parametrize("role", ROLES)
def test_the_shipped_settings_grant_the_same_but_the_stream_and_the_references(
    gone: Gone, shipped: dict[str, Policy], whole: dict[str, Policy], role: str
) -> None:
    assert set(grants(shipped[role])) <= set(grants(whole[role]))
    more = tuple(f"arn:aws:s3:::{BUCKET}/{prefix}/" for prefix in ("library", "refused", "accepted"))
    lacking = [need for need in sorted(gone.needs(role)) if not allows(shipped[role], *need)]
    assert [(action, resource) for action, resource in lacking if not resource.startswith(more)] == []


def test_a_role_that_lacks_one_grant_is_denied_what_it_does_with_it(gone: Gone, whole: dict[str, Policy]) -> None:
    """That the tests above can fail: `process`, which may not commit any more, does not."""
    world, results = gone.world, f"arn:aws:s3:::{BUCKET}/results/*"
    lesser = json.loads(json.dumps(whole["process"]))
    for statement in lesser["Statement"]:
        if statement["Action"] == "s3:PutObject" and results in statement["Resource"]:
            statement["Resource"].remove(results)
    assert lesser != whole["process"]
    iam = clients.client("iam", world.address.endpoint)
    iam.put_role_policy(RoleName="process", PolicyName="own", PolicyDocument=json.dumps(lesser))
    before = world.endings()
    with watching() as witness, pytest.raises(AssertionError, match=r"store_denied|AccessDenied"):
        world.direct("denied.jpg", small(30))
    assert [(call.action, call.resource.split("/")[1]) for call in witness.of("process") if not call.allowed] == [
        ("s3:PutObject", "results")
    ]
    assert world.endings() == before
