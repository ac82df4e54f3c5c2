"""The operator's function: an event selects an action by its name."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.adapters.postgres.ledger import PostgresLedger
from core.domain import object_keys
from core.domain.errors import Code, Misconfigured, Refusal
from handler import admin
from tests.support.values import result


class Context:
    """Lambda's context, with a given number of milliseconds left."""

    def __init__(self, left: int) -> None:
        self.left = left

    def get_remaining_time_in_millis(self) -> int:
        return self.left


@pytest.fixture
def environ(cloud: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    values = {
        "BUCKET": bucket,
        "RECONCILE_AFTER_HOURS": "0.0000001",
        "AWS_ENDPOINT_URL": cloud,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.mark.parametrize(
    "event", [None, "reconcile", {}, {"action": None}, {"action": ["migrate"]}, {"action": "drop"}]
)
def test_what_is_no_action_is_refused_with_those_there_are(event: Any) -> None:
    with pytest.raises(Refusal) as caught:
        admin.answer(event, {})
    assert caught.value.code is Code.INVALID_EVENT
    assert "image, migrate, reconcile, replay" in str(caught.value)


@pytest.mark.parametrize("action", sorted(admin.ACTIONS))
def test_what_is_missing_in_the_environment_is_named(action: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        admin.answer({"action": action, "image_id": str(uuid4())}, {})
    assert caught.value.code is Code.INVALID_SETTINGS


def test_reconcile_takes_up_what_waits_and_says_how_many(s3: Any, bucket: str, environ: dict[str, str]) -> None:
    s3.put_object(Bucket=bucket, Key="incoming/acme/web/u1/a.jpg", Body=b"photo")
    s3.put_object(Bucket=bucket, Key="incoming/nobody's", Body=b"photo")
    s3.put_object(Bucket=bucket, Key=f"incoming/acme/web/inline-{uuid4()}/source", Body=b"by nobody")
    answer = admin.handle({"action": "reconcile"}, Context(900_000))
    assert (answer["looked_at"], answer["handed_over"], answer["abandoned"], answer["refused"]) == (3, 1, 0, 1)
    assert len(answer["failed"]) == 1
    assert (answer["not_told"], answer["whole"]) == (0, True)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=object_keys.RECONCILED)["Contents"]
    assert [item["Key"].rpartition("/")[2] for item in listed] == ["0.json"]


def test_a_round_that_has_no_time_left_is_gone_on_with_by_the_next(
    s3: Any, bucket: str, environ: dict[str, str]
) -> None:
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=f"incoming/acme/web/u{number}/a.jpg", Body=b"photo")
    answer = admin.handle({"action": "reconcile"}, Context(1000))
    assert answer["whole"] is False
    assert s3.get_object(Bucket=bucket, Key=object_keys.RECONCILER)["Body"].read() == b"incoming/acme/web/u2/a.jpg"
    answer = admin.answer({"action": "reconcile"}, environ, timedelta(minutes=1))
    assert (answer["looked_at"], answer["whole"]) == (0, True)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="reconciler/")


def test_image_tells_what_the_database_has_of_one(database_url: str) -> None:
    image = result()
    ledger = PostgresLedger(database_url)
    ledger.record([image], [])
    ledger.close()
    answer = admin.answer({"action": "image", "image_id": image.image_id.upper()}, {"DATABASE_URL": database_url})
    row = json.loads(json.dumps(answer))["image"]  # as Lambda encodes it
    assert (row["image_id"], row["status"], row["route"]) == (image.image_id, "processed", "lambda")
    assert [rendition["key"] for rendition in row["renditions"]] == [image.renditions[0].key]


def test_of_an_image_that_is_not_recorded_there_is_no_row(database_url: str) -> None:
    answer = admin.answer({"action": "image", "image_id": str(uuid4())}, {"DATABASE_URL": database_url})
    assert answer == {"image": None}


@pytest.mark.parametrize("wanted", [None, "", "cat.jpg", 7, ["a"], "' OR true"])
def test_what_is_no_images_id_is_refused_before_the_database_is_asked(wanted: Any) -> None:
    with pytest.raises(Refusal) as caught:
        admin.answer({"action": "image", "image_id": wanted}, {})
    assert caught.value.code is Code.INVALID_REQUEST
    assert "image_id" in str(caught.value)
