"""The operator's function: what is asked for by name, and nothing else."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from core import keys
from core.errors import Code, Misconfigured, Refusal
from handler import admin


class Context:
    """Lambda's context, with so many milliseconds left."""

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
    assert "migrate, reconcile, replay" in str(caught.value)


@pytest.mark.parametrize("action", sorted(admin.ACTIONS))
def test_what_is_missing_in_the_environment_is_named(action: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        admin.answer({"action": action}, {})
    assert caught.value.code is Code.INVALID_SETTINGS


def test_reconcile_takes_up_what_waits_and_says_how_many(s3: Any, bucket: str, environ: dict[str, str]) -> None:
    s3.put_object(Bucket=bucket, Key="incoming/acme/web/u1/a.jpg", Body=b"photo")
    s3.put_object(Bucket=bucket, Key="incoming/nobody's", Body=b"photo")
    s3.put_object(Bucket=bucket, Key=f"incoming/acme/web/inline-{uuid4()}/source", Body=b"by nobody")
    answer = admin.handle({"action": "reconcile"}, Context(900_000))
    assert (answer["looked_at"], answer["handed_over"], answer["abandoned"]) == (3, 1, 0)
    assert len(answer["failed"]) == 2
    assert (answer["not_told"], answer["whole"]) == (0, True)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=keys.RECONCILED)["Contents"]
    assert [item["Key"].rpartition("/")[2] for item in listed] == ["0.json"]


def test_a_round_that_has_no_time_left_is_gone_on_with_by_the_next(
    s3: Any, bucket: str, environ: dict[str, str]
) -> None:
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=f"incoming/acme/web/u{number}/a.jpg", Body=b"photo")
    answer = admin.handle({"action": "reconcile"}, Context(1000))
    assert answer["whole"] is False
    assert s3.get_object(Bucket=bucket, Key=keys.RECONCILER)["Body"].read() == b"incoming/acme/web/u2/a.jpg"
    answer = admin.answer({"action": "reconcile"}, environ, timedelta(minutes=1))
    assert (answer["looked_at"], answer["whole"]) == (0, True)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="reconciler/")
