"""The whole system runs under the policies of infra/: every function and the Batch job, each with its own role only.

moto enforces IAM on their calls to S3 and SQS, the embedded Batch on SubmitJob and ListJobs. AWS checks permissions
that moto does not: the version of a HEAD, the source of a copy and its tags, the listing without which a missing object
is 403. Those are checked afterwards, by moto's engine on the policies. Neither evaluates conditions, or the policies of
the bucket and the queues. Presigned requests carry no role's keys here, so the tests make those calls as the page.
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
from tests.policies.witness import Call, Grant, allows, grants, record_calls
from tests.policies.world import CUSTOMER, World, broken, heavy, large, options, small
from tests.support.aws.lambda_failures import gave_up, gave_up_batch

pytestmark = pytest.mark.long

ROLES = ("process", "dispatch", "record", "admin", "web", "job")
#: A key that names no upload: the object stays, and one document reports it.
STRAY = "incoming/acme/stray.jpg"
CAT, DOG, COW = "library/acme/cat.jpg", "library/acme/dog.jpg", "originals/acme/old/cow.jpg"
HEADERS = {"customer-id": CUSTOMER, "pipeline": "thumbnail"}

#: Status and route of each image, by its name.
RESULTS = {
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
LATER_RESULTS = {
    "silent.jpg": ("processed", "batch"),
    "abandoned.jpg": ("failed", "batch"),
    "replayed.jpg": ("processed", "lambda"),
    "unfit-too.jpg": ("failed", "lambda"),
}
ERASED = {
    "record": ("upload.jpg", "broken.jpg", "large-1.jpg", "abandoned.jpg"),
    "admin": ("direct.jpg", "unfit.jpg", "silent.jpg"),
}
ERASED_NAMES = {name for names in ERASED.values() for name in names}

#: Beginnings of grants that no call here needs, each with the reason for the grant.
UNEXERCISED = {
    "rds-db:connect ": "PostgreSQL is a socket here; a token is signed without a call.",
    "logs:": "The log is a file here; Lambda and Fargate write it by the role.",
    "ec2:": "Lambda creates the network interfaces of a function in a VPC.",
    "kafka:": "The event source mapping asks MSK; the broker here knows no IAM.",
    "kafka-cluster:": "The event source mapping reads MSK; the broker here knows no IAM.",
    "batch:SubmitJob arn:aws:batch:us-east-1:123456789012:job-definition/": "No test needs the larger sizes.",
}
#: More of them, by role, action and resource.
RARELY_USED = {
    ("dispatch", "sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:picture-perfect-records"): (
        "Sent again only where an image ends while its source is being staged: a matter of milliseconds."
    ),
}


@dataclass
class Journey:
    """The embedded cloud after the run, and the calls that IAM judged."""

    world: World
    calls: list[Call] = field(default_factory=list)

    def needs(self, role: str) -> set[tuple[str, str]]:
        return {need for call in self.calls if call.role == role for need in call.needs}


@pytest.fixture(scope="module")
def journey(whole: dict[str, Policy], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """Runs every path once."""
    folder = tmp_path_factory.mktemp("whole")
    with record_calls() as call_log, Cloud(folder / "cloud", options(folder), policies=whole) as cloud:
        world = World(cloud)
        send_images(world)
        administer(world)
        yield Journey(world, call_log.by_roles)


def send_images(world: World) -> None:
    """Send images by every door and failure path, concurrently where possible."""
    world.invoke_admin("migrate")
    world.shrink_smallest_tier()
    for key, body in ((CAT, small(1)), (DOG, large(4)), (COW, large(5))):
        world.put_as_owner(key, body)
    world.set_notifications(on=False)
    world.put_unnotified("silent.jpg", small(2))
    world.mark_reconciled(world.put_unnotified("abandoned.jpg", small(3)), 3)
    waiting = [world.put_unnotified(f"waiting-{number}.jpg", small(4 + number)) for number in range(2)]
    world.set_notifications(on=True)
    world.invoke_killing("killed.jpg")
    world.send_hand_overs(
        world.job("crashed.jpg", CAT, "crash"),
        world.job("hoarded.jpg", COW, "hoard"),
        world.claim_and_abandon(world.job("claimed.jpg", CAT)),
    )
    world.upload("upload.jpg", small(6))
    world.upload_multipart("heavy.jpg", heavy())
    world.upload("broken.jpg", broken())
    for number in (1, 2):
        world.upload(f"large-{number}.jpg", large(number))
        world.invoke_with_bytes("direct.jpg", small(7))
    world.invoke_with_bytes("unfit.jpg", broken())
    world.invoke_by_reference("reference.jpg", CAT)
    world.invoke_by_reference("again.jpg", COW)
    world.produce_records(
        KafkaRecord(name="kafka.jpg", value=small(8), headers={**HEADERS, "filename": "kafka.jpg"}),
        *(KafkaRecord(name=key, value=_reference(world, key), headers=HEADERS) for key in (DOG, COW)),
    )
    world.invoke_with_batch_twice(world.kafka_batch("twice", small(9), _reference(world, waiting[0].key)))
    lost = gave_up_batch(world.kafka_batch("lost", small(10), _reference(world, waiting[1].key)))
    given_up = [
        gave_up(world.event(f"given-up-{number}.jpg", s3=world.s3_url(key))) for number, key in enumerate((CAT, COW))
    ]
    world.put_failure_documents(
        ("kafka/lost-0", lost), ("kafka/lost-0", lost), *(("async/process", one) for one in given_up)
    )
    world.submit_job_twice("by-hand.jpg", CAT)
    world.wait_for_rows(*RESULTS)


def administer(world: World) -> None:
    """Operator's actions, and a customer's erasures."""
    rows = world.rows()
    world.read_as_page(rows["upload.jpg"])
    world.call_page_api(rows["upload.jpg"]["image_id"])
    world.put_as_owner(STRAY, small(22))
    world.wait_until_refused(STRAY)
    place = f"incoming/acme/thumbnail/inline-{rows['direct.jpg']['image_id']}/source"
    world.put_as_owner(place, small(20), sha256="another")
    world.announce_commit(f"results/{rows['direct.jpg']['image_id']}/0.json")
    world.wait_until_deleted(place)

    assert world.reconcile_first_page()["whole"] is False
    assert world.invoke_admin("reconcile")["whole"] is True
    rows = world.wait_for_rows("silent.jpg", "abandoned.jpg")

    assert world.invoke_admin("reconcile")["refused"] == 0
    for name in ERASED["record"]:
        world.erase_as_customer(rows[name]["image_id"])
    world.wait_until_deleted(*(place for name in ERASED["record"] for place in _belongings(rows[name])))

    world.set_notifications(on=False)  # the recorder is not notified
    for name in ERASED["admin"]:
        world.erase_as_customer(rows[name]["image_id"])
    world.invoke_with_bytes("replayed.jpg", small(21))
    world.invoke_with_bytes("unfit-too.jpg", broken())
    assert world.invoke_admin("replay")["failed"] == []
    world.set_notifications(on=True)


def _reference(world: World, key: str) -> bytes:
    return f'{{"s3": "{world.s3_url(key)}"}}'.encode()


def _belongings(row: dict[str, Any]) -> tuple[str, ...]:
    return object_keys.erasable_prefixes(CUSTOMER, row["image_id"])


def test_every_image_ended_once_and_as_it_should(journey: Journey) -> None:
    rows = journey.world.rows()
    expected = {name: ending for name, ending in (RESULTS | LATER_RESULTS).items() if name not in ERASED_NAMES}
    assert {name: (row["status"], row["route"]) for name, row in rows.items() if name in expected} == expected
    assert set(journey.world.count_commits().values()) == {1}
    assert len(journey.world.count_commits()) == len(RESULTS) + len(LATER_RESULTS)


def test_sources_are_kept_where_they_belong_and_what_was_erased_is_nowhere(journey: Journey) -> None:
    rows, world = journey.world.rows(), journey.world
    assert world.keys("incoming/") == [STRAY]
    assert len(world.keys("refused/incoming/")) == 1
    assert world.keys(f"quarantine/acme/{rows['unfit-too.jpg']['image_id']}/")
    for name in ("heavy.jpg", "large-2.jpg", "replayed.jpg"):
        assert world.keys(f"originals/acme/{rows[name]['image_id']}/")
    assert not ERASED_NAMES & set(rows)
    assert len(world.keys("tombstones/")) == len(ERASED_NAMES)
    assert len({key.rsplit("/", 1)[0] for key in world.keys("processed/")}) == sum(
        row["status"] == "processed"
        for name, row in rows.items()
        if name  # an erased image keeps only its row
    )


def test_nothing_was_denied(journey: Journey) -> None:
    assert [call for call in journey.calls if not call.allowed] == []
    assert {call.role for call in journey.calls} == set(ROLES)
    assert "denied" not in journey.world.logs().lower()


@pytest.mark.parametrize("role", ROLES)
def test_permissions_that_only_aws_checks_are_allowed_too(
    journey: Journey, whole: dict[str, Policy], role: str
) -> None:
    assert journey.needs(role)
    assert [need for need in sorted(journey.needs(role)) if not allows(whole[role], *need)] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_grant_is_needed_by_a_call(journey: Journey, whole: dict[str, Policy], role: str) -> None:
    needs = journey.needs(role)
    idle = [grant for grant in grants(whole[role]) if not any(grant.covers(*need) for need in needs)]
    assert [grant for grant in idle if not _is_explained(role, grant)] == []


def _is_explained(role: str, grant: Grant) -> bool:
    spelled = f"{grant.action} {grant.resource}"
    return spelled.startswith(tuple(UNEXERCISED)) or (role, grant.action, grant.resource) in RARELY_USED


def test_each_unexercised_grant_exists(journey: Journey, whole: dict[str, Policy]) -> None:
    spelled = [f"{grant.action} {grant.resource}" for role in ROLES for grant in grants(whole[role])]
    assert [start for start in UNEXERCISED if not any(one.startswith(start) for one in spelled)] == []
    assert all(Grant(action, resource) in grants(whole[role]) for role, action, resource in RARELY_USED)


@pytest.mark.parametrize("role", ROLES)
def test_the_shipped_settings_grant_the_same_but_the_stream_and_the_references(
    journey: Journey, shipped: dict[str, Policy], whole: dict[str, Policy], role: str
) -> None:
    assert set(grants(shipped[role])) <= set(grants(whole[role]))
    more = tuple(f"arn:aws:s3:::{BUCKET}/{prefix}/" for prefix in ("library", "refused", "accepted"))
    lacking = [need for need in sorted(journey.needs(role)) if not allows(shipped[role], *need)]
    assert [(action, resource) for action, resource in lacking if not resource.startswith(more)] == []


def test_a_role_that_lacks_one_grant_is_denied_what_it_does_with_it(journey: Journey, whole: dict[str, Policy]) -> None:
    """The tests above can fail: without PutObject on results/, `process` commits nothing."""
    world, results = journey.world, f"arn:aws:s3:::{BUCKET}/results/*"
    lesser = json.loads(json.dumps(whole["process"]))
    for statement in lesser["Statement"]:
        if statement["Action"] == "s3:PutObject" and results in statement["Resource"]:
            statement["Resource"].remove(results)
    assert lesser != whole["process"]
    iam = clients.client("iam", world.address.endpoint)
    iam.put_role_policy(RoleName="process", PolicyName="own", PolicyDocument=json.dumps(lesser))
    before = world.count_commits()
    with record_calls() as call_log, pytest.raises(AssertionError, match=r"store_denied|AccessDenied"):
        world.invoke_with_bytes("denied.jpg", small(30))
    assert [(call.action, call.resource.split("/")[1]) for call in call_log.of("process") if not call.allowed] == [
        ("s3:PutObject", "results")
    ]
    assert world.count_commits() == before
