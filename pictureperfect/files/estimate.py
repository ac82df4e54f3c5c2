"""The estimate of one file, here or in S3, as the command line tells it."""

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
from core.imaging import header as probe
from core.pipelines.definition import Pipeline
from core.routing import batch_tiers, cost_table, prices
from core.routing.plan import MB_PER_VCPU, Capacity, Limits, Policy, plan
from core.settings import entries

if TYPE_CHECKING:
    from core.adapters.aws.s3 import S3Store

_FIRST = 256 * 1024  # bytes of an object's beginning; most headers are within
_LAST = 64 * 1024  # and of its end, where a TIFF may have its directory
_WALKED = frozenset({"gif"})  # its frames are counted by going from one to the next


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Where it might be worked on."""

    pipeline: Pipeline
    memory_mb: int
    timeout: float
    policy: Policy
    spot: bool


class _Limits(entries.WorkerSettings, frozen=True, kw_only=True):
    lambda_max_megapixels: float = 0.0


def told(file: str, asked: Asked, environ: Mapping[str, str]) -> dict[str, Any]:
    """All there is to say. Raises Refusal and Unavailable where the file cannot be read."""
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
        estimate = cost_table.estimator(os.uname().machine, values.costs)(header, asked.pipeline)
        answer |= {
            "cpu_seconds": estimate.cpu_seconds,
            "peak_bytes": estimate.peak_bytes,
            "peak_bytes_upper": estimate.peak_bytes_upper,
        }
        limits = Limits(
            max_megapixels=values.max_megapixels,
            max_bytes=values.max_bytes,
            lambda_max_megapixels=values.lambda_max_megapixels,
            policy=asked.policy,
            max_seconds=values.timeout_seconds,
        )
        planned = plan(header, asked.pipeline, limits, _function(asked), estimate)
    except ImageFailure as failure:
        return answer | {"route": "none", "code": failure.code, "reason": failure.message}
    return answer | _placed(planned, estimate, asked)


def _function(asked: Asked) -> Capacity:
    return Capacity(
        route=Route.LAMBDA,
        memory_bytes=batch_tiers.worker_bytes(asked.memory_mb),
        vcpus=asked.memory_mb / MB_PER_VCPU,
        seconds=asked.timeout,
        can_hand_over=True,
        machine=os.uname().machine,
    )


def _placed(planned: Plan, estimate: Estimate, asked: Asked) -> dict[str, Any]:
    tier, machine, price = batch_tiers.tier_by_name(planned.tier), os.uname().machine, prices.load()
    vcpus = tier.vcpus if tier else asked.memory_mb / MB_PER_VCPU
    seconds = estimate.seconds(vcpus)
    cost = price.requests_usd(sum(len(spec.outputs) for spec in asked.pipeline.renditions)) + (
        price.batch_usd(seconds, tier, machine, spot=asked.spot)
        if tier
        else price.lambda_usd(seconds, asked.memory_mb, machine)
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
        return probe.read_header(path)
    place = urlsplit(file)
    ref = ObjectRef(bucket=place.netloc, key=place.path.removeprefix("/"))
    if not ref.bucket or not ref.key:
        raise Refusal(Code.INVALID_REQUEST, f"{file} names no object: s3://BUCKET/KEY does.")
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - boto3, only where it is needed

    from core.bootstrap.admin import store  # noqa: PLC0415
    from pictureperfect.deployment.aws_session import sentence  # noqa: PLC0415

    try:
        return _remote(ref, store(ref.bucket), folder / "beginning")
    except Misconfigured as error:
        if not isinstance(error.__cause__, BotoCoreError):
            raise
        raise Misconfigured(error.code, sentence(error.__cause__)) from error


def _remote(ref: ObjectRef, store: "S3Store", path: Path) -> ImageHeader:
    """The header of an object, by ever more of its beginning, until twice as much says the same.

    What is not read is a hole in a file as long as the object: so what needs more fails, or changes its mind.
    """
    stored = store.head(ref)
    if stored is None:
        raise Refusal(Code.INVALID_REQUEST, f"{ref}: there is no such object.")
    path.touch()
    os.truncate(path, stored.bytes)
    have, before = 0, None
    with path.open("r+b") as file:
        if stored.bytes > _FIRST + _LAST:
            file.seek(stored.bytes - _LAST)
            file.write(store.part(stored.ref, stored.bytes - _LAST, _LAST))
        while True:
            wanted = min(stored.bytes, max(_FIRST, 2 * have))
            file.seek(have)
            file.write(store.part(stored.ref, have, wanted - have) if wanted > have else b"")
            file.flush()
            have = wanted
            try:
                header = probe.read_header(path)
            except ImageFailure:
                if have == stored.bytes:
                    raise
                header = None
            if header and (have == stored.bytes or (header == before and header.format not in _WALKED)):
                return msgspec.structs.replace(header, bytes=stored.bytes)
            before = header
