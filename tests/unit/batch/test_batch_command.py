"""`python -m batch` with a wrong command line: a sentence, and exit code 65."""

import pytest

from batch.commands import EX_DATAERR, main


@pytest.mark.parametrize("argument", ["[" * 100_000, '{"a":' * 100_000, "{", "nonsense", "\udcff"])
def test_a_request_that_is_no_json_is_refused_however_deep_it_is(
    argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument], 0.0) == EX_DATAERR
    complaint = capsys.readouterr().err
    assert complaint.startswith("invalid_request: The request is not JSON: ")
    assert len(complaint) < 200


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["work", "--help"], ["work", "-h"]])
def test_help_prints_both_command_lines(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments, 0.0) == 0
    usage, complaint = capsys.readouterr()
    assert usage.startswith("python -m batch work KEY")
    assert "python -m batch REQUEST" in usage
    assert complaint == ""
