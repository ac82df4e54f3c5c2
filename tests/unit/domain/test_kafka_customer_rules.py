"""The customer of a Kafka record without a customer header: the rules of KAFKA_CUSTOMERS."""

import pytest

from core.domain.errors import Misconfigured, Refusal
from core.domain.kafka_customer_rules import find_customer, read_rules
from core.settings import entries
from tests.unit.settings.test_entries import GOOD


@pytest.mark.parametrize(
    ("rules", "topic", "key", "customer"),
    [
        ("key", "images", b"acme", "acme"),
        ("topic:images.{customer}", "images.acme", None, "acme"),
        ("topic:images.{customer}.raw", "images.a.b.raw", None, "a.b"),
        ("topic:{customer}", "acme", None, "acme"),
        ("topic:scans=acme", "scans", None, "acme"),
        ("topic:scans=acme key", "scans", b"globex", "acme"),
        ("key topic:scans=acme", "scans", b"globex", "acme"),
        ("key topic:scans=acme", "scans", b"../globex", "acme"),
        ("key topic:scans=acme", "other", b"globex", "globex"),
        ("key topic:scans=acme", "scans", None, "acme"),
        ("key topic:scans=acme", "scans", b"", "acme"),
        ("topic:images.{customer} topic:scans=acme", "scans", None, "acme"),
    ],
)
def test_the_first_matching_rule_decides_and_rules_for_topics_come_before_keys(
    rules: str, topic: str, key: bytes | None, customer: str
) -> None:
    assert find_customer(read_rules(rules), topic, key) == customer


@pytest.mark.parametrize(
    ("rules", "topic", "key"),
    [
        ("", "images", b"acme"),
        ("key", "images", None),
        ("key topic:images=acme", "other", b"../globex"),
        ("key topic:images=acme", "other", b"\xff"),
        ("topic:images.{customer}", "imagesXacme", None),
        ("topic:images.{customer}", "images.", None),
        ("topic:images.{customer}", "images._", None),
        ("topic:scans=acme", "scans2", None),
        ("topic:s.ans=acme", "scans", None),
    ],
)
def test_a_record_is_refused_if_no_rule_matches_or_the_customer_is_invalid(
    rules: str, topic: str, key: bytes | None
) -> None:
    with pytest.raises(Refusal, match="customer"):
        find_customer(read_rules(rules), topic, key)


@pytest.mark.parametrize(
    "rule",
    [
        "keys",
        "topic:",
        "topic:images",
        "topic:=acme",
        "topic:images=",
        "topic:images=a/b",
        "topic:images.{customer}=acme",
        "topic:{customer}.{customer}",
        "topic:images.(.*)",
        "images.{customer}",
    ],
)
def test_an_invalid_rule_is_reported_at_load_with_the_other_faults(rule: str) -> None:
    environ = GOOD | {"KAFKA_CUSTOMERS": f"key {rule}", "KAFKA_PIPELINE": "a/b", "WORKERS": "-1", "BUCKET": ""}
    with pytest.raises(Misconfigured) as caught:
        entries.load(entries.ProcessSettings, environ)
    for variable in ("KAFKA_CUSTOMERS", "KAFKA_PIPELINE", "WORKERS", "BUCKET"):
        assert variable in caught.value.message


def test_kafkas_settings_have_defaults_and_are_read() -> None:
    plain = entries.load(entries.ProcessSettings, GOOD)
    assert (plain.kafka_customers, plain.kafka_pipeline, plain.overflow_queue_url, plain.workers) == ("", "", "", 0)
    assert plain.report_batch_item_failures is False
    environ = GOOD | {"REPORT_BATCH_ITEM_FAILURES": "true", "OVERFLOW_QUEUE_URL": "https://sqs.example/overflow"}
    values = entries.load(entries.ProcessSettings, environ | {"KAFKA_PIPELINE": "web", "WORKERS": "3"})
    assert values.report_batch_item_failures is True
    assert (values.kafka_pipeline, values.workers) == ("web", 3)
