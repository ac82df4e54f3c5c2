"""Runs processes one effect at a time, in the order that a test chooses.

Every thread of every process stops before each of its effects, until the test gives it the effect's outcome. Only one
thread runs at any moment, so the same choices give the same history.
"""
# ruff: noqa: ARG002 - Executor has parameters that a test does not need

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from enum import StrEnum, auto
from typing import Any, TypeVar

from core.domain.errors import Code, PicturePerfectError, Unavailable
from core.domain.model import Usage
from core.ports.store import WriteContestedError
from core.ports.worker import WorkerFailure
from tests.support.fakes.ports import Died

T = TypeVar("T")


class EffectOutcome(StrEnum):
    """The outcome of an effect."""

    HAPPENS = auto()
    DIES_BEFORE = auto()
    DIES_AFTER = auto()
    UNREACHED = auto()  # no effect, and an error: the service was not reached
    ANSWER_LOST = auto()  # the effect, and an error
    CONTESTED = auto()  # S3's 409
    OUT_OF_MEMORY = auto()  # the worker's child was killed


class Process:
    """A process, such as a Lambda sandbox, that is killed with all its threads."""

    def __init__(self, name: str, scheduler: "Scheduler") -> None:
        self.name = name
        self.dead = False
        self.scheduler = scheduler
        self.stepped: list[SteppedThread] = []
        self.error: BaseException | None = None
        self.outcome: Any = None

    @property
    def ended(self) -> bool:
        return all(thread.ended for thread in self.stepped)

    def threads(self) -> Executor:
        return _Threads(self)


class SteppedThread:
    """A thread of a process that stops before each effect."""

    def __init__(self, process: Process, work: Callable[[], None]) -> None:
        self.process = process
        self.at = "begin"
        self.ended = False
        self.outcome = EffectOutcome.HAPPENS
        self.blocked: Callable[[], bool] = lambda: False
        self._go = threading.Semaphore(0)
        self._work = work
        self._thread = threading.Thread(target=self._live, daemon=True)
        process.stepped.append(self)
        self._thread.start()

    def resume(self, outcome: EffectOutcome) -> None:
        """Run the thread until its next effect, a wait for another thread, or its end."""
        self.outcome = outcome
        self._go.release()
        self.process.scheduler.back.acquire()
        if self.ended:
            self._thread.join()

    def stop(self, at: str, blocked: Callable[[], bool] = lambda: False) -> None:
        self.at, self.blocked = at, blocked
        self.process.scheduler.back.release()
        self._go.acquire()
        if self.process.dead:
            raise Died

    def _live(self) -> None:
        _CURRENT.thread = self
        self._go.acquire()
        try:
            if not self.process.dead:
                self._work()
        finally:
            self.ended = True
            self.process.scheduler.back.release()


class Scheduler:
    """Steps all processes. The fakes take its `around`."""

    def __init__(self) -> None:
        self.back = threading.Semaphore(0)
        self.processes: list[Process] = []
        self.kills = 0

    def spawn(self, name: str, work: Callable[[Process], Any]) -> Process:
        process = Process(name, self)

        def main() -> None:
            try:
                process.outcome = work(process)
            except (Exception, Died) as error:  # noqa: BLE001 - kept, and looked at by the test
                process.error = error

        SteppedThread(process, main)
        self.processes.append(process)
        return process

    def runnable(self) -> list[SteppedThread]:
        return [
            thread
            for process in self.processes
            for thread in process.stepped
            if not thread.ended and not thread.blocked()
        ]

    def step(self, thread: SteppedThread, outcome: EffectOutcome) -> None:
        thread.resume(outcome)
        if thread.process.dead:
            self._end_threads(thread.process)

    def kill(self, process: Process) -> None:
        process.dead = True
        self.kills += 1
        self._end_threads(process)

    def wait(self, blocked: Callable[[], bool]) -> None:
        """Stop the calling thread while `blocked` is true. The test itself, not a thread, must change that."""
        if blocked():
            _CURRENT.thread.stop("waiting", blocked)

    def finish(self) -> None:
        """Run all threads to their end, without interruptions."""
        while stepped := self.runnable():
            self.step(stepped[0], EffectOutcome.HAPPENS)
        assert all(process.ended for process in self.processes), "A thread never ends."

    def around(self, name: str, effect: Callable[[], T], /) -> T:
        thread: SteppedThread | None = getattr(_CURRENT, "thread", None)
        if thread is None:
            return effect()
        if thread.process.dead:
            raise Died
        thread.stop(name)
        outcome = thread.outcome if thread.outcome in _outcomes_of(name) else EffectOutcome.HAPPENS
        if outcome is EffectOutcome.DIES_BEFORE:
            self._die(thread)
        if outcome is EffectOutcome.CONTESTED:
            raise WriteContestedError(name)
        if outcome is EffectOutcome.UNREACHED:
            raise _unavailable(name)
        if outcome is EffectOutcome.OUT_OF_MEMORY:
            raise WorkerFailure(Code.OUT_OF_MEMORY, "The image needs more memory.", Usage())
        value = effect()
        if outcome is EffectOutcome.DIES_AFTER:
            self._die(thread)
        if outcome is EffectOutcome.ANSWER_LOST:
            raise _unavailable(name)
        return value

    def _die(self, thread: SteppedThread) -> None:
        thread.process.dead = True
        self.kills += 1
        raise Died

    def _end_threads(self, process: Process) -> None:
        while left := [thread for thread in process.stepped if not thread.ended]:
            left[-1].resume(EffectOutcome.HAPPENS)
        process.error = process.error or Died()  # also if it was killed before its first step


class _Threads(Executor):
    """An executor whose threads are stepped; leaving its context waits for them."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._stepped: list[SteppedThread] = []

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: _Future[T] = _Future(self._process)

        def work() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001 - the future carries it, as ThreadPoolExecutor's do
                    future.set_exception(error)

        self._stepped.append(SteppedThread(self._process, work))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        _wait(self._process, lambda: all(thread.ended for thread in self._stepped))


class _Future(Future[T]):
    def __init__(self, process: Process) -> None:
        super().__init__()
        self._process = process

    def result(self, timeout: float | None = None) -> T:
        _wait(self._process, self.done)
        return super().result(0)


def _wait(process: Process, done: Callable[[], bool]) -> None:
    if process.dead or done():
        return
    _CURRENT.thread.stop("waiting", lambda: not done())


class Serial(Executor):
    """An executor without threads."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - the future carries it
            future.set_exception(error)
        return future


_CURRENT = threading.local()
_ANYWHERE = {EffectOutcome.HAPPENS, EffectOutcome.DIES_BEFORE, EffectOutcome.DIES_AFTER}
_UNAVAILABLE = {
    "store": Code.STORE_UNAVAILABLE,
    "announcements": Code.QUEUE_UNAVAILABLE,
    "handovers": Code.QUEUE_UNAVAILABLE,
    "ledger": Code.DATABASE_UNAVAILABLE,
    "jobs": Code.BATCH_UNAVAILABLE,
}


def _outcomes_of(name: str) -> set[EffectOutcome]:
    """The possible outcomes of the effect with this name."""
    outcomes = set(_ANYWHERE)
    if name.partition(".")[0] in _UNAVAILABLE:
        outcomes |= {EffectOutcome.UNREACHED, EffectOutcome.ANSWER_LOST}
    if name == "store.create":
        outcomes.add(EffectOutcome.CONTESTED)
    if name == "worker.run":
        outcomes.add(EffectOutcome.OUT_OF_MEMORY)
    return outcomes


def _unavailable(name: str) -> PicturePerfectError:
    return Unavailable(_UNAVAILABLE[name.partition(".")[0]], f"{name} was not answered.")
