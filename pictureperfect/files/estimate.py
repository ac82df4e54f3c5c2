"""The estimate for one image, a local file or an object in S3, as plain values."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from core.domain.errors import Code, ImageFailure, Misconfigured, Refusal
from core.domain.model import Estimate, ImageHeader, ObjectRef, Plan, Route
from core.imaging.header import read_header
from core.pipelines.definition import Pipeline
from core.routing import batch_tiers, cost_table, prices
from core.routing.plan import MB_PER_VCPU, Capacity, Limits, Policy, plan
from core.settings import entries

if TYPE_CHECKING:
    from core.adapters.aws.s3 import S3Store

_HEAD_BYTES = 256 * 1024  # of an object's beginning, where most headers end
_TAIL_BYTES = 64 * 1024  # of its end, where a TIFF may have its directory
_WHOLE_FILE_FORMATS = frozenset({"gif"})  # the frames are counted by reading from one to the next


@dataclass(frozen=True, kw_only=True)
class EstimateRequest:
    """The pipeline, and the function and Batch that could run it. `memory_mb` and `timeout` (s) are the function's."""

    pipeline: Pipeline
    memory_mb: int
    timeout: float
    policy: Policy
    spot: bool


class _Limits(entries.WorkerSettings, frozen=True, kw_only=True):
    lambda_max_megapixels: float = 0.0


def estimate_file(file: str, request: EstimateRequest, environ: Mapping[str, str]) -> dict[str, Any]:
    """The fields of `estimate --json`. `file`: a path or s3://bucket/key. Raises Refusal and Unavailable."""
    values = entries.load(_Limits, environ)
    answer: dict[str, Any] = {
        "file": file,
        **dict.fromkeys(("format", "width", "height", "frames", "cpu_seconds", "seconds", "seconds_upper")),
        **dict.fromkeys(("peak_bytes", "peak_bytes_upper", "route", "tier", "cost_usd", "code", "reason")),
    }
    try:
        with TemporaryDirectory(prefix="estimate-") as folder:
            header = _header(file, Path(folder))
        answer |= {name: getattr(header, name) for name in ("format", "width", "height", "frames")}
        estimate = cost_table.estimator(os.uname().machine, values.costs)(header, request.pipeline)
        answer |= {
            "cpu_seconds": estimate.cpu_seconds,
            "peak_bytes": estimate.peak_bytes,
            "peak_bytes_upper": estimate.peak_bytes_upper,
        }
        limits = Limits(
            max_megapixels=values.max_megapixels,
            max_bytes=values.max_bytes,
            lambda_max_megapixels=values.lambda_max_megapixels,
            policy=request.policy,
            max_seconds=values.timeout_seconds,
        )
        planned = plan(header, request.pipeline, limits, _function(request), estimate)
    except ImageFailure as failure:
        return answer | {"route": "none", "code": failure.code, "reason": failure.message}
    return answer | _route_and_cost(planned, estimate, request)


def _function(request: EstimateRequest) -> Capacity:
    return Capacity(
        route=Route.LAMBDA,
        memory_bytes=batch_tiers.worker_bytes(request.memory_mb),
        vcpus=request.memory_mb / MB_PER_VCPU,
        seconds=request.timeout,
        can_hand_over=True,
        machine=os.uname().machine,
    )


def _route_and_cost(planned: Plan, estimate: Estimate, request: EstimateRequest) -> dict[str, Any]:
    tier, machine, price = batch_tiers.tier_by_name(planned.tier), os.uname().machine, prices.load()
    vcpus = tier.vcpus if tier else request.memory_mb / MB_PER_VCPU
    seconds = estimate.seconds(vcpus)
    cost = price.requests_usd(sum(len(spec.outputs) for spec in request.pipeline.renditions)) + (
        price.batch_usd(seconds, tier, machine, spot=request.spot)
        if tier
        else price.lambda_usd(seconds, request.memory_mb, machine)
    )
    return {
        "seconds": seconds,
        "seconds_upper": estimate.seconds_upper(vcpus),
        "route": planned.route.value,
        "tier": planned.tier or None,
        "cost_usd": cost,
        "reason": planned.reason,
    }


def _header(file: str, folder: Path) -> ImageHeader:
    if not file.startswith("s3://"):
        path = Path(file)
        if not path.is_file():
            raise Refusal(Code.INVALID_REQUEST, f"{file}: there is no such file.")
        return read_header(path)
    url = urlsplit(file)
    ref = ObjectRef(bucket=url.netloc, key=url.path.removeprefix("/"))
    if not ref.bucket or not ref.key:
        raise Refusal(Code.INVALID_REQUEST, f"{file} names no object: s3://BUCKET/KEY does.")
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - boto3, for objects in S3 only

    from core.bootstrap.objects import store  # noqa: PLC0415
    from pictureperfect.deployment.aws_session import explain_error  # noqa: PLC0415

    try:
        return _read_remote_header(ref, store(ref.bucket), folder / "beginning")
    except Misconfigured as error:
        if not isinstance(error.__cause__, BotoCoreError):
            raise
        raise Misconfigured(error.code, explain_error(error.__cause__)) from error


def _read_remote_header(ref: ObjectRef, store: "S3Store", path: Path) -> ImageHeader:
    """Read an object's header from its first and last bytes, twice as many each time, until two results agree.

    `path` becomes a sparse file of the object's length. A header that needs bytes from a hole fails or changes once
    those bytes are read.
    """
    stored = store.head(ref)
    if stored is None:
        raise Refusal(Code.INVALID_REQUEST, f"{ref}: there is no such object.")
    path.touch()
    os.truncate(path, stored.bytes)
    have, before = 0, None
    with path.open("r+b") as file:
        if stored.bytes > _HEAD_BYTES + _TAIL_BYTES:
            file.seek(stored.bytes - _TAIL_BYTES)
            file.write(store.part(stored.ref, stored.bytes - _TAIL_BYTES, _TAIL_BYTES))
        while True:
            wanted = min(stored.bytes, max(_HEAD_BYTES, 2 * have))
            file.seek(have)
            file.write(store.part(stored.ref, have, wanted - have) if wanted > have else b"")
            file.flush()
            have = wanted
            try:
                header = read_header(path)
            except ImageFailure:
                if have == stored.bytes:
                    raise
                header = None
            if header and (have == stored.bytes or (header == before and header.format not in _WHOLE_FILE_FORMATS)):
                return msgspec.structs.replace(header, bytes=stored.bytes)
            before = header
