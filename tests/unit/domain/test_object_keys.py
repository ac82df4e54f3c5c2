"""Object keys: parsing them, and the names that may be part of one."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain import object_keys
from core.domain.errors import Refusal
from core.domain.identity import image_id

ROOT = Path(__file__).parents[3]
PREFIXES = tuple(value for name, value in vars(object_keys).items() if name.isupper() and str(value).endswith("/"))


@pytest.mark.parametrize(
    "key", ["", "incoming/", "incoming/a/b/c", "incoming/a/b/c/", "incoming//b/c/d", "originals/a/b/c/d"]
)
def test_a_key_of_another_shape_is_refused(key: str) -> None:
    with pytest.raises(Refusal):
        object_keys.parse_incoming(key)


@pytest.mark.parametrize("customer", ["", ".", "-a", "a/b", "a b", "ü", "a" * 65, "a\n"])
def test_an_invalid_customer_is_refused(customer: str) -> None:
    with pytest.raises(Refusal):
        object_keys.check_customer(customer)


@given(st.text(st.characters(exclude_categories=())))
def test_any_name_becomes_one_that_fits_a_key(name: str) -> None:
    safe = object_keys.safe_name(name)
    assert 1 <= len(safe.encode()) <= 200
    assert safe.isprintable()
    assert "/" not in safe
    assert "\\" not in safe
    assert object_keys.safe_name(safe) == safe


@given(st.text(min_size=1), st.uuids(version=5).map(str))
def test_a_staged_key_is_recognised(pipeline: str, identity: str) -> None:
    if "/" not in pipeline:
        key = object_keys.parse_incoming(object_keys.staged_key("acme", pipeline, identity))
        assert key.is_inline
        named = re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,62}", pipeline)
        assert (key.customer, key.pipeline) == ("acme", pipeline if named else "other")


@pytest.mark.parametrize(
    "pipeline",
    ["=cmd|'calc'!A1", "\n=1+1", "\x1b[31mred", "[web2]", "john.doe@example.com", "x" * 64, "-web", "web\n", "ü", " "],
)
def test_an_invalid_pipeline_is_replaced(pipeline: str) -> None:
    assert object_keys.parse_incoming(f"incoming/acme/{pipeline}/u/a.jpg").pipeline == object_keys.NO_PIPELINE
    assert object_keys.parse_incoming("incoming/acme/web.2-a_b/u/a.jpg").pipeline == "web.2-a_b"


@given(st.lists(st.text(), min_size=1, max_size=3), st.lists(st.text(), min_size=1, max_size=3))
def test_two_sources_have_one_image_id_only_if_they_are_equal(first: list[str], second: list[str]) -> None:
    assert (image_id("acme", "web", *first) == image_id("acme", "web", *second)) == (first == second)


def test_no_other_module_spells_a_prefix() -> None:
    assert {"incoming/", "results/", "tombstones/", "aws/lambda/"} <= set(PREFIXES)
    spelled = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("core", "handler", "batch")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "object_keys.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(PREFIXES)
    }
    assert spelled == set()
