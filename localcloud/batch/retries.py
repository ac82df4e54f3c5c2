"""Whether Batch runs a failed attempt again: the retry strategy's rules.

https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
"""

from localcloud.batch.job import Attempt
from localcloud.batch.models import EvaluateOnExit, RetryStrategy


def should_retry(strategy: RetryStrategy, attempts_made: int, attempt: Attempt) -> bool:
    """Whether another attempt follows this failed one. The first matching rule decides; without a match, yes."""
    if attempts_made >= (strategy.attempts or 1):
        return False
    action = next((rule.action for rule in strategy.evaluate_on_exit if _rule_matches(rule, attempt)), "RETRY")
    return action.upper() == "RETRY"


def _rule_matches(rule: EvaluateOnExit, attempt: Attempt) -> bool:
    exit_code = None if attempt.exit_code is None else str(attempt.exit_code)
    return all(
        pattern is None or _pattern_matches(pattern, text)
        for pattern, text in (
            (rule.on_exit_code, exit_code),
            (rule.on_reason, attempt.reason),
            (rule.on_status_reason, attempt.status_reason),
        )
    )


def _pattern_matches(pattern: str, text: str | None) -> bool:
    if pattern.endswith("*"):
        return (text or "").startswith(pattern[:-1])
    return text == pattern
