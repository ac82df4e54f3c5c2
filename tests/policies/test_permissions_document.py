"""docs/reference/permissions.md matches the synthesized policies."""

from localcloud.iam import Policy
from tests.policies import document


def test_the_document_is_what_the_policies_are(shipped: dict[str, Policy], whole: dict[str, Policy]) -> None:
    written = document.PATH.read_text("utf-8")
    assert written == document.text(shipped, whole), "python -m tests.policies.document writes it anew"


def test_each_role_has_a_section(shipped: dict[str, Policy]) -> None:
    sections = [line.removeprefix("## ") for line in document.PATH.read_text("utf-8").splitlines() if line[:3] == "## "]
    assert set(shipped) <= set(sections)
