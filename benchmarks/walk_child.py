"""The measured process of benchmarks.walk: `handler.process` and `handler.record` for one upload, under a profiler.

`python walk_child.py BUCKET UPLOAD…`, with the checkout to measure as working directory and the services' addresses in
the environment. It uses nothing of the project but its Lambda handlers, so that it measures any version of it. Prints
the calls as JSON: [thread, file of the caller, file of the called function].
"""

import importlib
import json
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import boto3

_ROOT = f"{Path.cwd()}/"
_NOT_MEASURED = ("tests/", "benchmarks/", ".venv/")


class _Context:
    """Lambda's context, for a function with a minute left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class _Profiler:
    """Notes every call of a function of the project: thread, file of the nearest caller in the project, own file."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, str, str]] = []
        self._files: dict[str, str] = {}

    def run(self, function: Callable[[], object]) -> None:
        threading.setprofile(self._observe)
        sys.setprofile(self._observe)
        try:
            function()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def _observe(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call" or not (callee := self._file(frame)):
            return
        caller = frame.f_back
        while caller and not self._file(caller):
            caller = caller.f_back
        self.calls.append((threading.get_ident(), self._file(caller) if caller else "", callee))

    def _file(self, frame: FrameType) -> str:
        """The frame's file, relative to the checkout; empty for files that are not the project's."""
        name = frame.f_code.co_filename
        if name not in self._files:
            relative = name.removeprefix(_ROOT) if name.startswith(_ROOT) else ""
            self._files[name] = "" if relative.startswith(_NOT_MEASURED) else relative
        return self._files[name]


def main(bucket: str, uploads: list[str]) -> None:
    """The last upload is measured; those before it load what is loaded lazily."""
    s3 = boto3.client("s3")
    importlib.import_module("handler.admin").handle({"action": "migrate"}, _Context())
    process, record = (importlib.import_module(f"handler.{name}").handle for name in ("process", "record"))
    for key in uploads:
        profiler, before = _Profiler(), _results(s3, bucket)
        upload = _notification(bucket, key, s3.head_object(Bucket=bucket, Key=key))
        profiler.run(partial(process, upload, _Context()))
        (result,) = _results(s3, bucket) - before
        body = json.dumps(_notification(bucket, result, s3.head_object(Bucket=bucket, Key=result)))
        message = {"Records": [{"messageId": "1", "body": body}]}
        profiler.run(partial(record, message, _Context()))
    print(json.dumps(profiler.calls), flush=True)
    os._exit(0)  # the worker's child ends when its pipe closes


def _results(s3: Any, bucket: str) -> set[str]:  # noqa: ANN401 - a boto3 client
    return {item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="results/").get("Contents", [])}


def _notification(bucket: str, key: str, head: Any) -> dict[str, Any]:  # noqa: ANN401 - of boto3
    """The event that S3 sends for a new object."""
    item = {
        "key": key,
        "size": head["ContentLength"],
        "eTag": head["ETag"].strip('"'),
        "versionId": head.get("VersionId"),
    }
    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "eventTime": head["LastModified"].isoformat(),
                "s3": {"bucket": {"name": bucket}, "object": item},
            }
        ]
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
