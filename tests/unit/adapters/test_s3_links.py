"""Presigned forms and URLs: the policy field by field, and the same signatures as boto3's."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from core.adapters.aws.s3_links import S3Links, address
from tests.support.aws.s3_judge import CREATED, DENIED, FINE, INVALID_SIZE, judge_form, judge_url

KEY = "incoming/acme/web/0b9c/dawn & dusk+1.jpg"
NOW = datetime(2026, 11, 25, 12, 7, 30)  # noqa: DTZ001 - botocore's times have no zone


def links(token: str | None = None, bucket_url: str = "https://pictures.s3.eu-west-1.amazonaws.com") -> S3Links:
    return S3Links(lambda: Credentials("AKID", "secret", token), "eu-west-1", "pictures", bucket_url)


def policy(form: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(base64.b64decode(form.fields["policy"]))
    return document


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("botocore.auth", "botocore.signers"):
        monkeypatch.setattr(f"{module}.get_current_datetime", lambda: NOW)


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("token", [None, "session-token"])
def test_a_forms_policy_allows_one_key_one_type_one_size_and_15_minutes(token: str | None) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    form = links(token).form(KEY, "image/jpeg", 812_345)
    expires = datetime.fromisoformat(policy(form)["expiration"])
    assert before <= expires - timedelta(minutes=15) <= datetime.now(UTC)
    assert set(policy(form)) == {"expiration", "conditions"}
    assert policy(form)["conditions"] == [
        {"bucket": "pictures"},
        {"key": KEY},
        {"Content-Type": "image/jpeg"},
        {"success_action_status": "201"},
        ["content-length-range", 812_345, 812_345],
        {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
        {"x-amz-credential": "AKID/20261125/eu-west-1/s3/aws4_request"},
        {"x-amz-date": "20261125T120730Z"},
        *([{"x-amz-security-token": token}] if token else []),
    ]
    assert set(form.fields) - {"policy", "x-amz-signature"} == {
        name for item in policy(form)["conditions"] if isinstance(item, dict) for name in item if name != "bucket"
    }
    assert form.url == "https://pictures.s3.eu-west-1.amazonaws.com/"


@pytest.mark.usefixtures("frozen")
def test_a_form_is_signed_as_boto3_signs_it() -> None:
    form = links().form(KEY, "image/jpeg", 7)
    client = boto3.client(
        "s3", region_name="eu-west-1", aws_access_key_id="AKID", aws_secret_access_key="secret",
        endpoint_url="https://s3.eu-west-1.amazonaws.com",
        config=Config(s3={"addressing_style": "virtual"}, signature_version="s3v4"),
    )  # fmt: skip
    fields = {"Content-Type": "image/jpeg", "success_action_status": "201"}
    conditions = [{name: value} for name, value in fields.items()]
    theirs = client.generate_presigned_post(
        "pictures", KEY, Fields=dict(fields), Conditions=[*conditions, ["content-length-range", 7, 7]], ExpiresIn=900
    )
    assert form.url == theirs["url"]
    assert set(form.fields) == set(theirs["fields"])
    theirs_policy = json.loads(base64.b64decode(theirs["fields"]["policy"]))
    assert sorted(map(str, policy(form)["conditions"])) == sorted(map(str, theirs_policy["conditions"]))


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("token", [None, "session/token="])
def test_a_parts_url_is_the_one_that_boto3_makes(token: str | None) -> None:
    client = boto3.client(
        "s3", region_name="eu-west-1", aws_access_key_id="AKID", aws_secret_access_key="secret",
        aws_session_token=token, endpoint_url="https://s3.eu-west-1.amazonaws.com",
        config=Config(s3={"addressing_style": "virtual"}, signature_version="s3v4"),
    )  # fmt: skip
    theirs = client.generate_presigned_url(
        "upload_part",
        {"Bucket": "pictures", "Key": KEY, "UploadId": "up/load+id", "PartNumber": 3, "ContentLength": 9},
        ExpiresIn=900,
    )
    assert _query(links(token).part(KEY, "up/load+id", 3, 9)) == _query(theirs)
    assert urlsplit(links().part(KEY, "u", 3, 9)).path == urlsplit(theirs).path == f"/{quote(KEY)}"


def _query(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query, strict_parsing=True)


def test_a_read_link_stays_the_same_for_15_minutes_and_is_valid_for_15_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def at(minute: int, second: int) -> str:
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW.replace(minute=minute, second=second))
        return links().get(KEY, "image/jpeg")

    assert at(0, 0) == at(7, 30) == at(14, 59) != at(15, 0)
    url, signed_at = at(14, 59), datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    assert judge_url("secret", "GET", url, {}, signed_at + timedelta(minutes=30)) == FINE
    assert judge_url("secret", "GET", url, {}, signed_at + timedelta(minutes=30, seconds=1)) == DENIED


def test_a_read_link_sets_the_media_type_and_only_a_download_link_a_file_name() -> None:
    shown, saved = links().get(KEY, "image/png"), links().get(KEY, "image/png", 'a"b\r\n🌅.png')
    assert _query(shown)["response-content-type"] == ["image/png"]
    assert "response-content-disposition" not in _query(shown)
    assert _query(saved)["response-content-disposition"] == ["attachment; filename*=UTF-8''a%22b%0D%0A%F0%9F%8C%85.png"]


@settings(max_examples=40)
@given(name=st.text(min_size=1, max_size=60), number=st.integers(1, 640), size=st.integers(1, 2**23))
def test_s3_accepts_exactly_the_signed_requests_for_any_key(name: str, number: int, size: int) -> None:
    key = f"incoming/acme/web/u/{name.encode(errors='replace').decode()}"
    form = links().form(key, "image/jpeg", size)
    assert judge_form("secret", "pictures", form.fields, size) == CREATED
    assert judge_form("secret", "pictures", form.fields, size + 1) == INVALID_SIZE
    assert judge_form("secret", "pictures", form.fields, size - 1) == INVALID_SIZE
    assert judge_form("secret", "others", form.fields, size) == DENIED
    assert judge_form("secret", "pictures", {**form.fields, "key": key.replace("acme", "globex")}, size) == DENIED
    assert judge_form("secret", "pictures", {**form.fields, "acl": "public-read"}, size) == DENIED
    assert judge_form("other", "pictures", form.fields, size) == DENIED
    later = datetime.now(UTC) + timedelta(minutes=15, seconds=1)
    assert judge_form("secret", "pictures", form.fields, size, later) == DENIED
    url, length = links().part(key, "id", number, size), {"Content-Length": str(size)}
    assert judge_url("secret", "PUT", url, length) == FINE
    assert judge_url("secret", "GET", url, length) == DENIED
    assert judge_url("secret", "PUT", url, {"Content-Length": str(size + 1)}) == DENIED
    assert judge_url("secret", "PUT", url.replace("/acme/", "/globex/"), length) == DENIED
    assert judge_url("secret", "PUT", url.replace("uploadId=id", "uploadId=di"), length) == DENIED
    read = links().get(key, "image/jpeg")
    assert judge_url("secret", "GET", read, {}) == FINE
    assert judge_url("secret", "DELETE", read, {}) == DENIED


@pytest.mark.parametrize(
    ("bucket", "region", "endpoint", "expected"),
    [
        ("pictures", "eu-west-1", "", "https://pictures.s3.eu-west-1.amazonaws.com"),
        ("my.pictures", "eu-west-1", "", "https://s3.eu-west-1.amazonaws.com/my.pictures"),
        ("pictures", "cn-north-1", "", "https://pictures.s3.cn-north-1.amazonaws.com.cn"),
        ("pictures", "us-east-1", "http://127.0.0.1:5000/", "http://127.0.0.1:5000/pictures"),
    ],
)
def test_a_buckets_url_follows_from_its_region_or_endpoint(
    bucket: str, region: str, endpoint: str, expected: str
) -> None:
    assert address(bucket, region, endpoint) == expected


@pytest.mark.parametrize(
    ("bucket_url", "expected"),
    [
        ("https://pictures.s3.eu-west-1.amazonaws.com", "https://pictures.s3.eu-west-1.amazonaws.com"),
        ("https://s3.eu-west-1.amazonaws.com/my.pictures", "https://s3.eu-west-1.amazonaws.com/my.pictures/"),
        ("http://127.0.0.1:5000/pictures", "http://127.0.0.1:5000/pictures/"),
    ],
)
def test_the_policys_source_is_this_bucket_and_not_its_whole_host(bucket_url: str, expected: str) -> None:
    """In a Content-Security-Policy, a path that ends in a slash matches all URLs that begin with it."""
    signing = links(bucket_url=bucket_url)
    assert signing.csp_source == expected
    urls = (signing.get(KEY, "image/jpeg"), signing.part(KEY, "u", 1, 9), signing.form(KEY, "image/jpeg", 9).url)
    assert all(url.startswith(expected) for url in urls)
