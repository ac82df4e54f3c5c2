"""Runs processes one effect at a time, in the order that a test chooses.

Every thread of every process stops before each of its effects and waits to be told what becomes of it. Only one
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


class Fate(StrEnum):
    """What becomes of the next effect."""

    HAPPENS = auto()
    DIES_BEFORE = auto()
    DIES_AFTER = auto()
    UNREACHED = auto()  # the service was not reached: no effect, and an error
    ANSWER_LOST = auto()  # the effect, and an error all the same
    CONTESTED = auto()  # S3's 409
    OUT_OF_MEMORY = auto()  # the worker's child was killed


class Process:
    """What dies at once: a sandbox, with all its threads."""

    def __init__(self, name: str, scheduler: "Scheduler") -> None:
        self.name = name
        self.dead = False
        self.scheduler = scheduler
        self.hands: list[Hand] = []
        self.error: BaseException | None = None
        self.outcome: Any = None

    @property
    def ended(self) -> bool:
        return all(hand.ended for hand in self.hands)

    def threads(self) -> Executor:
        return _Threads(self)


class Hand:
    """One thread of a process."""

    def __init__(self, process: Process, work: Callable[[], None]) -> None:
        self.process = process
        self.at = "begin"
        self.ended = False
        self.fate = Fate.HAPPENS
        self.blocked: Callable[[], bool] = lambda: False
        self._go = threading.Semaphore(0)
        self._work = work
        self._thread = threading.Thread(target=self._live, daemon=True)
        process.hands.append(self)
        self._thread.start()

    def resume(self, fate: Fate) -> None:
        """Let it go on until it stops before its next effect, waits for another thread, or ends."""
        self.fate = fate
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
        _CURRENT.hand = self
        self._go.acquire()
        try:
            if not self.process.dead:
                self._work()
        finally:
            self.ended = True
            self.process.scheduler.back.release()


class Scheduler:
    """All processes. `around` is what the fakes are given."""

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

        Hand(process, main)
        self.processes.append(process)
        return process

    def runnable(self) -> list[Hand]:
        return [hand for process in self.processes for hand in process.hands if not hand.ended and not hand.blocked()]

    def step(self, hand: Hand, fate: Fate) -> None:
        hand.resume(fate)
        if hand.process.dead:
            self._bury(hand.process)

    def kill(self, process: Process) -> None:
        process.dead = True
        self.kills += 1
        self._bury(process)

    def wait(self, blocked: Callable[[], bool]) -> None:
        """Have the thread that calls wait as long as that is so; whoever makes it otherwise is no thread of these."""
        if blocked():
            _CURRENT.hand.stop("waiting", blocked)

    def finish(self) -> None:
        """Let all of them end, undisturbed."""
        while hands := self.runnable():
            self.step(hands[0], Fate.HAPPENS)
        assert all(process.ended for process in self.processes), "A thread waits for ever."

    def around(self, name: str, effect: Callable[[], T], /) -> T:
        hand: Hand | None = getattr(_CURRENT, "hand", None)
        if hand is None:
            return effect()
        if hand.process.dead:
            raise Died
        hand.stop(name)
        fate = hand.fate if hand.fate in _fates(name) else Fate.HAPPENS
        if fate is Fate.DIES_BEFORE:
            self._die(hand)
        if fate is Fate.CONTESTED:
            raise WriteContestedError(name)
        if fate is Fate.UNREACHED:
            raise _unavailable(name)
        if fate is Fate.OUT_OF_MEMORY:
            raise WorkerFailure(Code.OUT_OF_MEMORY, "The image needs more memory.", Usage())
        value = effect()
        if fate is Fate.DIES_AFTER:
            self._die(hand)
        if fate is Fate.ANSWER_LOST:
            raise _unavailable(name)
        return value

    def _die(self, hand: Hand) -> None:
        hand.process.dead = True
        self.kills += 1
        raise Died

    def _bury(self, process: Process) -> None:
        while left := [hand for hand in process.hands if not hand.ended]:
            left[-1].resume(Fate.HAPPENS)
        process.error = process.error or Died()  # also when it died before it began


class _Threads(Executor):
    """Threads of a process, stepped like all others; leaving its context waits for them."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._hands: list[Hand] = []

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: _Future[T] = _Future(self._process)

        def work() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001 - the future carries it, as ThreadPoolExecutor's do
                    future.set_exception(error)

        self._hands.append(Hand(self._process, work))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        _wait(self._process, lambda: all(hand.ended for hand in self._hands))


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
    _CURRENT.hand.stop("waiting", lambda: not done())


class Serial(Executor):
    """No threads at all: for what a test does undisturbed."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - the future carries it
            future.set_exception(error)
        return future


_CURRENT = threading.local()
_ANYWHERE = {Fate.HAPPENS, Fate.DIES_BEFORE, Fate.DIES_AFTER}
_UNAVAILABLE = {
    "store": Code.STORE_UNAVAILABLE,
    "announcements": Code.QUEUE_UNAVAILABLE,
    "handovers": Code.QUEUE_UNAVAILABLE,
    "ledger": Code.DATABASE_UNAVAILABLE,
    "jobs": Code.BATCH_UNAVAILABLE,
}


def _fates(name: str) -> set[Fate]:
    """What may become of this effect."""
    fates = set(_ANYWHERE)
    if name.partition(".")[0] in _UNAVAILABLE:
        fates |= {Fate.UNREACHED, Fate.ANSWER_LOST}
    if name == "store.create":
        fates.add(Fate.CONTESTED)
    if name == "worker.run":
        fates.add(Fate.OUT_OF_MEMORY)
    return fates


def _unavailable(name: str) -> PicturePerfectError:
    return Unavailable(_UNAVAILABLE[name.partition(".")[0]], f"{name} was not answered.")
