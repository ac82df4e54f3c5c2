"""Stored JSON is read by one module: invalid content raises one kind of error, and harms no other object."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batch import commands
from core.domain import object_keys, stored_documents
from core.domain.errors import Code, Misconfigured, Refusal
from core.domain.identity import image_id
from core.domain.model import HandOver, Tombstone
from core.routing.batch_tiers import TIERS
from core.services.dispatch import job_documents
from core.services.dispatch.attempts import DispatchAttempt
from core.services.dispatch.failed_jobs import _read_passed_on
from core.services.dispatch.leases import DispatchSlot, Leases
from core.services.intake.kafka_records import read_image
from core.services.recorder import Recorder
from handler import failure_documents, kafka
from tests.protocol.scheduler import Serial
from tests.support.aws.dispatch_world import Dispatch
from tests.support.aws.kafka_events import batch, record
from tests.support.fakes.ports import FakeLedger, FakeStore
from tests.support.services import World
from tests.support.values import NOW, result

ROOT = Path(__file__).parents[3]
#: Modules that read files of the container image, test whether a Kafka value is JSON, or raise errors of their own.
OTHERS = {
    "core/adapters/aws/report_function.py",
    "core/routing/estimate.py",
    "core/services/intake/kafka_records.py",
    "core/routing/prices.py",
    "handler/web/cursors.py",
}
BAD = {
    "nothing": b"",
    "no JSON": b"{",
    "another shape": b"[]",
    "not UTF-8": b'{"image_id":"\xff","work_id":"\xff","job":"\xff","customer":"\xff"}',
    "not UTF-8 in a name": b'{"\xff":1}',
    "half of a character": b'{"image_id":"\\ud800","work_id":"\\ud800","job":"\\ud800"}',
    "nested for ever": b'{"odd":' + b"[" * 100_000,
    "another encoding": "{}".encode("utf-16"),
}


@pytest.fixture(params=BAD)
def body(request: pytest.FixtureRequest) -> bytes:
    return BAD[request.param]


def _misconfigured(read: Callable[[], Any], key: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read()
    assert caught.value.code is Code.INVALID_RESULT
    assert key in caught.value.message


def test_an_invalid_result_is_reported_by_its_key(body: bytes) -> None:
    _misconfigured(lambda: stored_documents.decode_result(body, "results/i/0.json"), "results/i/0.json")


def test_invalid_work_of_a_batch_job_is_reported_by_its_key(body: bytes) -> None:
    _misconfigured(lambda: job_documents.decode(body, "batches/w.json"), "batches/w.json")


def test_an_invalid_lease_is_reported_by_its_key(body: bytes, tmp_path: Path) -> None:
    dispatch = Dispatch(tmp_path)
    job, slot = dispatch.upload(), DispatchSlot(attempt=DispatchAttempt(), tier=TIERS[0])
    dispatch.store.put(slot.key(job), body)
    leases = Leases(dispatch.committer, dispatch.jobs, {}, dispatch.clock)
    _misconfigured(lambda: leases.read(job, slot), slot.key(job))


def test_an_invalid_hand_over_is_reported_by_its_key(body: bytes, tmp_path: Path) -> None:
    dispatch = Dispatch(tmp_path)
    image = HandOver(job=dispatch.upload(), reason="", tier=TIERS[0].name)
    dispatch.store.put(image.passed_on_key, body)
    _misconfigured(lambda: _read_passed_on(image, dispatch.committer), image.passed_on_key)


def test_an_invalid_accepted_job_is_reported_by_its_key(body: bytes, tmp_path: Path) -> None:
    world = World(tmp_path)
    event = batch(record(b'{"s3": "s3://home/incoming/acme/web/u1/a.jpg"}'))
    (one,) = kafka.records(event)
    image = read_image(one, world.acceptor.rules, "web", NOW)
    key = object_keys.accepted_key(image_id(image.request.customer, image.request.pipeline, *image.position))
    world.store.put(key, body)
    _misconfigured(lambda: world.acceptor.record(one, NOW), key)


def test_a_message_that_is_no_json_is_refused() -> None:
    for name in ("nothing", "no JSON", "not UTF-8", "not UTF-8 in a name", "half of a character", "nested for ever"):
        with pytest.raises(Refusal) as caught:
            failure_documents.decode(BAD[name])
        assert caught.value.code is Code.INVALID_EVENT


def test_an_unreadable_object_does_not_stop_the_others_of_the_recorders_batch(body: bytes) -> None:
    store, ledger = FakeStore(), FakeLedger()
    good = result()
    store.put(good.key, stored_documents.encode_result(good))
    wrong = [
        "tombstones/acme/x.json",
        Tombstone(image_id="y", customer="acme", requested_at=NOW).key,
        "results/z/0.json",
    ]
    for key in wrong:
        store.put(key, body)
    failed = Recorder(store=store, ledger=ledger, threads=Serial).record([wrong[0], good.key, *wrong[1:]])
    assert set(failed) == set(wrong)
    assert {error.code for error in failed.values()} == {Code.INVALID_RESULT}
    assert set(ledger.images) == {good.image_id}


@pytest.mark.parametrize("text", ["", "{", "[[[[" * 25_000, '{"customer": "\udcff"}', "nonsense"])
def test_a_batch_job_with_a_request_that_is_no_json_is_refused(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert commands.main([text], 0.0) == commands.EX_DATAERR
    assert capfd.readouterr().err.startswith("invalid_request: ")


def test_no_other_module_decodes_stored_json() -> None:
    """`msgspec.json.decode` raises three kinds of errors; code that forgets one stops more than the broken object."""
    decoding = set()
    for folder in ("core", "handler", "batch"):
        for path in (ROOT / folder).rglob("*.py"):
            if "json.decode(" in path.read_text("utf-8"):
                decoding.add(str(path.relative_to(ROOT)))
    assert decoding == {"core/domain/stored_documents.py", *OTHERS}
