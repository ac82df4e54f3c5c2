"""The division of images among the children of a submission: each image is in one share of limited length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.model import Estimate, HandOver, ObjectRef
from core.routing.batch_tiers import TIERS, Tier
from core.services.dispatch import array_partition
from core.services.dispatch.array_partition import LONGEST, SHORTEST, divide, timeout_seconds
from tests.support.aws.dispatch_world import GIB, estimate
from tests.support.values import upload_job

SMALL, *_, LARGE = TIERS
ESTIMATES = st.none() | st.builds(
    lambda seconds, upper, parallel: estimate(seconds, cpu_seconds_upper=seconds * upper, parallel=parallel),
    st.floats(0, 20_000),
    st.floats(1, 5),
    st.floats(0, 1),
)


def image(size: Estimate | None = None, tier: str = "") -> HandOver:
    job = upload_job(ObjectRef(bucket="home", key="incoming/acme/web/u/a.jpg"))
    return HandOver(job=job, reason="It needs more.", estimate=size, tier=tier)


@given(st.lists(ESTIMATES, max_size=300), st.sampled_from(TIERS))
def test_every_image_is_in_one_share_and_no_share_is_longer_than_it_may_be(
    estimates: list[Estimate | None], tier: Tier
) -> None:
    images = [image(size) for size in estimates]
    divided = divide(images, tier)
    assert sorted(one.job.image_id for share in divided for one in share) == sorted(one.job.image_id for one in images)
    for share in divided:
        assert 1 <= len(share) <= 50
        assert len(share) == 1 or sum(array_partition.seconds(one.estimate, tier) for one in share) <= 300 + 1e-6
    if divided:
        assert SHORTEST <= timeout_seconds(divided, tier) <= LONGEST


@given(st.lists(ESTIMATES, min_size=1, max_size=30))
def test_the_order_of_the_messages_changes_nothing(estimates: list[Estimate | None]) -> None:
    images = [image(size) for size in estimates]
    assert divide(images, SMALL) == divide(reversed(images), SMALL)


def test_small_images_share_a_child_and_large_ones_have_their_own() -> None:
    assert [len(share) for share in divide([image(estimate(0.1)) for _ in range(120)], SMALL)] == [50, 50, 20]
    assert [len(share) for share in divide([image(estimate(400)) for _ in range(3)], SMALL)] == [1, 1, 1]


def test_an_array_has_no_more_children_than_batch_allows() -> None:
    images = [image(estimate(400)) for _ in range(10_001)]
    divided = divide(images, SMALL)
    assert len(divided) <= 10_000
    assert sum(map(len, divided)) == 10_001


def test_the_time_out_holds_the_longest_share_by_its_upper_estimate() -> None:
    long, short = image(estimate(400, cpu_seconds_upper=900)), image(estimate(1))
    assert timeout_seconds(divide([long, short], SMALL), SMALL) >= 900
    assert timeout_seconds([(short,)], SMALL) < 120
    assert timeout_seconds([(image(),), (short,)], SMALL) == LONGEST
    assert timeout_seconds([(image(estimate(10**6)),)], SMALL) == LONGEST


def test_more_vcpus_make_what_is_parallel_shorter() -> None:
    size = estimate(160, parallel=1.0)
    assert array_partition.seconds(size, SMALL) == pytest.approx(165)
    assert array_partition.seconds(size, LARGE) == pytest.approx(15)


@pytest.mark.parametrize(
    ("tier", "peak", "expected"),
    [("4x30", None, "4x30"), ("4x30", GIB, "4x30"), ("", GIB, "1x2"), ("", 3 * GIB, "2x8"), ("gone", 50 * GIB, "8x60")],
)
def test_the_tier_is_the_one_that_is_named_or_the_smallest_that_holds_the_upper_estimate(
    tier: str, peak: int | None, expected: str
) -> None:
    found = array_partition.tier_of(image(estimate(peak=peak) if peak else None, tier=tier))
    assert found
    assert found.name == expected


def test_what_fits_nowhere_is_tried_in_the_largest_and_what_is_unknown_has_no_tier() -> None:
    assert array_partition.smallest(10**15) is LARGE
    assert array_partition.tier_of(image()) is None
