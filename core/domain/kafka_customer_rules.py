"""Rules that derive the customer of a Kafka record from its topic or its key (the setting KAFKA_CUSTOMERS)."""

import re
from collections.abc import Sequence

from core.domain import object_keys
from core.domain.errors import Code, Refusal
from core.domain.model import Value

#: Valid topic names (org.apache.kafka.common.internals.Topic). A topic becomes part of object keys.
TOPIC = r"[A-Za-z0-9._-]{1,249}"
_PLACEHOLDER = "{customer}"
_KEY, _TOPIC = "key", "topic:"


class Rule(Value, frozen=True):
    """One way to derive a customer: from a record's key, from a part of its topic's name, or from its topic."""

    #: A regular expression for the topic's whole name; empty for the rule `key`.
    topic: str = ""
    #: The customer of the topic; if empty, the group `customer` of the expression names the customer.
    customer: str = ""

    def find(self, topic: str, key: bytes | None) -> str | None:
        """The customer, not yet validated; None if this rule does not match. Raises Refusal(INVALID_REQUEST)."""
        if not self.topic:
            return _decode_key(key) if key else None
        match = re.fullmatch(self.topic, topic)
        return (self.customer or match["customer"]) if match else None


def read_rules(text: str) -> tuple[Rule, ...]:
    """Read rules separated by spaces: `key`, `topic:scans=acme`, `topic:images.{customer}`.

    Raises ValueError, which names the first invalid rule.
    """
    return tuple(_read_rule(word) for word in text.split())


def find_topic_owner(rules: Sequence[Rule], topic: str) -> str | None:
    """The customer who owns the whole topic, by the first matching rule; None if no rule matches.

    Raises Refusal(INVALID_REQUEST) if the name that the rule gives is no valid customer.
    """
    owners = (rule.find(topic, None) for rule in rules if rule.topic)
    owner = next(filter(None, owners), None)
    return object_keys.check_customer(owner) if owner is not None else None


def find_customer(rules: Sequence[Rule], topic: str, key: bytes | None) -> str:
    """The customer of a record: the owner of its topic, else the customer that its key names.

    Rules for topics come first, whatever their order: brokers control who may write to a topic, while every producer
    chooses its keys. Raises Refusal(INVALID_REQUEST) if no rule matches.
    """
    owner = find_topic_owner(rules, topic)
    if owner is not None:
        return owner
    named = next(filter(None, (rule.find(topic, key) for rule in rules if not rule.topic)), None)
    if named is not None:
        return object_keys.check_customer(named)
    raise Refusal(
        Code.INVALID_REQUEST,
        "customer: the record has no header customer-id, and no rule of KAFKA_CUSTOMERS matches it.",
    )


def _read_rule(word: str) -> Rule:
    if word == _KEY:
        return Rule()
    topic, separator, customer = word.removeprefix(_TOPIC).partition("=")
    pattern = topic.replace(_PLACEHOLDER, "x", 1)
    if not word.startswith(_TOPIC) or not re.fullmatch(TOPIC, pattern) or (pattern == topic) != bool(separator):
        raise ValueError(f"{word!r} must be key, topic:<topic>=<customer>, or topic:<topic with {_PLACEHOLDER} in it>")
    if not separator:
        before, after = map(re.escape, topic.split(_PLACEHOLDER))
        return Rule(f"{before}(?P<customer>.+){after}")
    try:
        return Rule(re.escape(topic), object_keys.check_customer(customer))
    except Refusal as error:
        raise ValueError(f"{word!r}: {error.message}") from error


def _decode_key(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise Refusal(
            Code.INVALID_REQUEST, f"customer: the record's key must name the customer, but is not UTF-8: {error}."
        ) from error
