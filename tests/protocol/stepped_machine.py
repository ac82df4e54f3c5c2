"""What the state machines share: processes on the scheduler, whose steps and interruptions Hypothesis chooses."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.protocol.scheduler import EffectOutcome, Process, Scheduler

STEPS = st.sampled_from([0, 1, 2, 3, 5, 8, 12, 100, 100])
_OUTCOMES = [*[EffectOutcome.HAPPENS] * 14, *EffectOutcome]
_MOST_THREADS = 8
_IS_THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"

#: A failure takes minutes to shrink.
timeout = pytest.mark.timeout(3600 if _IS_THOROUGH else 600)


def machine_settings(examples: int, thorough_examples: int) -> settings:
    """The number and length of the histories, more of both with HYPOTHESIS_PROFILE=thorough."""
    return settings(
        max_examples=thorough_examples if _IS_THOROUGH else examples,
        stateful_step_count=60 if _IS_THOROUGH else 30,
        suppress_health_check=list(HealthCheck),
    )


class SteppedMachine(RuleBasedStateMachine):
    """Starts processes, and steps, interrupts and kills them. `interruptions` counts effects that were disturbed."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler()
        self.work_dir = Path(mkdtemp())
        self.interruptions = 0

    def after_step(self) -> None:
        """Called after each step."""

    def check_end(self) -> None:
        """Called when all processes have ended: repeats what AWS repeats, and checks the end of the history."""

    @precondition(lambda self: self.scheduler.runnable())
    @rule(steps=st.lists(st.tuples(st.integers(0, 11), st.sampled_from(_OUTCOMES)), min_size=1, max_size=12))
    def steps_are_taken(self, steps: list[tuple[int, EffectOutcome]]) -> None:
        for pick, outcome in steps:
            runnable = self.scheduler.runnable()
            if runnable:
                self.interruptions += outcome is not EffectOutcome.HAPPENS
                self.scheduler.step(runnable[pick % len(runnable)], outcome)
                self.after_step()

    @precondition(lambda self: self.scheduler.runnable())
    @rule(pick=st.integers(0, 11), steps=STEPS)
    def one_process_goes_on(self, pick: int, steps: int) -> None:
        runnable = self.scheduler.runnable()
        self._go_on(runnable[pick % len(runnable)].process, steps)

    @rule(killed=st.booleans())
    def all_processes_end_or_are_killed(self, killed: bool) -> None:
        if killed:
            self._kill_all()
        self.scheduler.finish()
        self.check_end()

    def teardown(self) -> None:
        try:
            self.all_processes_end_or_are_killed(killed=False)
        finally:
            self._kill_all()
            shutil.rmtree(self.work_dir)

    def start(self, name: str, work: Callable[[Process], Any], head_start: int = 0) -> Process | None:
        """Start a process with `head_start` steps; None if too many threads run already."""
        if len(self.scheduler.runnable()) > _MOST_THREADS:
            return None
        process = self.scheduler.spawn(name, work)
        self._go_on(process, head_start)
        return process

    def _go_on(self, process: Process, steps: int) -> None:
        for _ in range(steps):
            own = [thread for thread in self.scheduler.runnable() if thread.process is process]
            if not own:
                return
            self.scheduler.step(own[0], EffectOutcome.HAPPENS)
            self.after_step()

    def _kill_all(self) -> None:
        for process in self.scheduler.processes:
            if not process.ended:
                self.scheduler.kill(process)
