"""A schedule of EventBridge: a function is invoked with one event at a fixed rate."""

import logging
import threading
from typing import Any

from localcloud.lambda_.function import Function, FunctionClosedError

_log = logging.getLogger(__name__)


class Schedule:
    """A thread that invokes every `interval` seconds from `start` to `close`, the first time after one interval."""

    def __init__(self, function: Function, event: dict[str, Any], interval: float) -> None:
        self._function = function
        self._event = event
        self._interval = interval
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"schedule {function.config.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                invocation = self._function.invoke(self._event)
            except FunctionClosedError:
                return
            if invocation.error:
                _log.error("%s failed on %s: %s", self._function.config.name, self._event, invocation.payload)
