"""`handler.web`: the page and its API. Its cold start loads no boto3: most requests only read rows and sign URLs."""

from collections.abc import Mapping
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from core.adapters.aws.s3_links import S3Links, address
from core.adapters.postgres.gallery import GalleryRows
from core.bootstrap.database import database
from core.domain.errors import Code, Misconfigured
from core.pipelines import SHIPPED_FOLDER
from core.services.web.gallery import Gallery
from core.services.web.pipeline_list import read_summaries
from core.services.web.services import WebServices
from core.services.web.uploads import Uploads
from core.settings import entries

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from core.adapters.aws.s3 import S3Store
    from core.adapters.aws.s3_multipart import S3Multiparts


def web_services(environ: Mapping[str, str]) -> WebServices:
    """The services of the web API. Raises Misconfigured(INVALID_SETTINGS)."""
    values = entries.load(entries.WebSettings, environ)
    links, rows = _links(values.bucket, environ), GalleryRows(database(values))
    store, multiparts = cache(partial(_store, values.bucket)), cache(partial(_multiparts, values.bucket))
    pipelines = cache(partial(read_summaries, Path(values.pipelines) if values.pipelines else SHIPPED_FOLDER))
    return WebServices(
        settings=values,
        uploads=Uploads(store=store, links=links, multiparts=multiparts, rows=rows, pipelines=pipelines),
        gallery=Gallery(rows=rows, links=links, store=store, bucket=values.bucket),
        pipelines=pipelines,
        csp_source=links.csp_source,
    )


def _store(bucket: str) -> "S3Store":
    store: S3Store = import_module("core.bootstrap.objects").store(bucket)
    return store


def _multiparts(bucket: str) -> "S3Multiparts":
    multiparts: S3Multiparts = import_module("core.bootstrap.multiparts").multiparts(bucket)
    return multiparts


def _credentials() -> "Credentials":
    found: Credentials = import_module("core.bootstrap.credentials").credentials()
    return found


def _links(bucket: str, environ: Mapping[str, str]) -> S3Links:
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise Misconfigured(Code.INVALID_SETTINGS, "AWS_REGION is missing: presigned URLs are signed for a region")
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""
    return S3Links(_credentials, region, bucket, address(bucket, region, endpoint))
