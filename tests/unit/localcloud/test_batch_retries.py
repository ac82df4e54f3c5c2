"""Batch's rules for retries."""

from hypothesis import given
from hypothesis import strategies as st

from localcloud.batch.job import Attempt
from localcloud.batch.models import EvaluateOnExit, RetryStrategy
from localcloud.batch.retries import should_retry

EXIT_CODES = st.none() | st.sampled_from([0, 1, 65, 75, 78, 137])
REASONS = st.none() | st.sampled_from(["", "OutOfMemoryError: Container killed", "CannotPullContainerError: no"])
PATTERNS = st.none() | st.sampled_from(["*", "7*", "75", "1*", "137"])
RULES = st.builds(
    EvaluateOnExit,
    action=st.sampled_from(["RETRY", "EXIT", "retry", "Exit"]),
    on_exit_code=PATTERNS,
    on_reason=st.none() | st.sampled_from(["*", "OutOfMemoryError*", "Host EC2*"]),
)
STRATEGIES = st.builds(
    RetryStrategy, attempts=st.integers(1, 10), evaluate_on_exit=st.lists(RULES, max_size=5).map(tuple)
)


def attempt(exit_code: int | None, reason: str | None = None) -> Attempt:
    return Attempt(
        log_stream="", task="", exit_code=exit_code, reason=reason, status_reason="Essential container in task exited"
    )


@given(STRATEGIES, st.integers(1, 12), EXIT_CODES, REASONS)
def test_there_are_never_more_attempts_than_allowed(
    strategy: RetryStrategy, attempts_made: int, exit_code: int | None, reason: str | None
) -> None:
    if attempts_made >= (strategy.attempts or 1):
        assert not should_retry(strategy, attempts_made, attempt(exit_code, reason))


@given(STRATEGIES, EXIT_CODES, REASONS, st.sampled_from(["RETRY", "EXIT"]))
def test_the_first_rule_that_matches_decides(
    strategy: RetryStrategy, exit_code: int | None, reason: str | None, action: str
) -> None:
    first = EvaluateOnExit(action=action, on_status_reason="Essential*")
    strategy = RetryStrategy(attempts=2, evaluate_on_exit=(first, *strategy.evaluate_on_exit))
    assert should_retry(strategy, 1, attempt(exit_code, reason)) is (action == "RETRY")


@given(EXIT_CODES, REASONS)
def test_a_failure_that_no_rule_matches_is_retried(exit_code: int | None, reason: str | None) -> None:
    rules = (EvaluateOnExit(action="EXIT", on_status_reason="Host EC2*"),)
    assert should_retry(RetryStrategy(attempts=2, evaluate_on_exit=rules), 1, attempt(exit_code, reason))


def test_every_pattern_of_a_rule_must_match() -> None:
    rule = EvaluateOnExit(action="EXIT", on_exit_code="137", on_reason="OutOfMemoryError*")
    strategy = RetryStrategy(attempts=2, evaluate_on_exit=(rule,))
    assert not should_retry(strategy, 1, attempt(137, "OutOfMemoryError: Container killed due to memory usage"))
    assert should_retry(strategy, 1, attempt(137))
    assert should_retry(strategy, 1, attempt(1, "OutOfMemoryError: Container killed due to memory usage"))
