"""Whose a record is: rules over its topic and its key, as the operator set them."""

import re
from collections.abc import Sequence

from core.domain import object_keys
from core.domain.errors import Code, Refusal
from core.domain.model import Value

#: How Kafka lets topics be named (org.apache.kafka.common.internals.Topic): it becomes part of a key.
TOPIC = r"[A-Za-z0-9._-]{1,249}"
_PLACE = "{customer}"
_KEY, _TOPIC = "key", "topic:"


class Rule(Value, frozen=True):
    """One way to tell a customer: by a record's key, by a part of its topic's name, or by its topic."""

    #: A regular expression; empty: the key is looked at.
    topic: str = ""
    #: Empty: the part of the topic's name that the expression calls `customer`.
    customer: str = ""

    def find(self, topic: str, key: bytes | None) -> str | None:
        """The customer, not yet checked; None where this rule does not tell. Raises Refusal(INVALID_REQUEST)."""
        if not self.topic:
            return _text(key) if key else None
        found = re.fullmatch(self.topic, topic)
        return (self.customer or found["customer"]) if found else None


def read_rules(text: str) -> tuple[Rule, ...]:
    """Read rules separated by spaces: `key`, `topic:scans=acme`, `topic:images.{customer}`.

    Raises ValueError that names the first which is none of these.
    """
    return tuple(_read(word) for word in text.split())


def _read(word: str) -> Rule:
    if word == _KEY:
        return Rule()
    topic, separator, customer = word.removeprefix(_TOPIC).partition("=")
    pattern = topic.replace(_PLACE, "x", 1)
    if not word.startswith(_TOPIC) or not re.fullmatch(TOPIC, pattern) or (pattern == topic) != bool(separator):
        raise ValueError(f"{word!r} must be key, topic:<topic>=<customer>, or topic:<topic with {_PLACE} in it>")
    if not separator:
        before, after = map(re.escape, topic.split(_PLACE))
        return Rule(f"{before}(?P<customer>.+){after}")
    try:
        return Rule(re.escape(topic), object_keys.check_customer(customer))
    except Refusal as error:
        raise ValueError(f"{word!r}: {error.message}") from error


def owner(rules: Sequence[Rule], topic: str) -> str | None:
    """Whose all of a topic is, by the first rule that tells; None where it is nobody's own.

    Raises Refusal(INVALID_REQUEST) for what is no customer's name.
    """
    found = next(filter(None, (rule.find(topic, None) for rule in rules if rule.topic)), None)
    return object_keys.check_customer(found) if found is not None else None


def find_customer(rules: Sequence[Rule], topic: str, key: bytes | None) -> str:
    """Whose a record is: its topic's owner, else whom its key names. Raises Refusal(INVALID_REQUEST) where none tells.

    Topics come first, whatever the order: brokers say who may write into one, and a key is the producer's own.
    """
    own = owner(rules, topic)
    if own is not None:
        return own
    named = next(filter(None, (rule.find(topic, key) for rule in rules if not rule.topic)), None)
    if named is not None:
        return object_keys.check_customer(named)
    raise Refusal(
        Code.INVALID_REQUEST,
        "customer: the record has no header customer-id, and no rule of KAFKA_CUSTOMERS tells whose it is.",
    )


def _text(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise Refusal(
            Code.INVALID_REQUEST, f"customer: the record's key is to name the customer, but is not UTF-8: {error}."
        ) from error
