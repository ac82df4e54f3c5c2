"""The gallery: the demo's renditions as files, with an HTML page."""

import shutil
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pictureperfect.console import dimensions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PAGE = """<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Picture Perfect: demo</title>
<style>
  body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
         background: #f6f5f2; color: #222 }}
  h2 {{ margin: 2.5rem 0 .5rem; font-weight: 600 }}
  figure {{ display: inline-block; margin: 0 1rem 1rem 0; vertical-align: bottom }}
  img {{ max-width: 20rem; max-height: 14rem; border-radius: 4px; background: #ddd }}
  figcaption, .failed {{ color: #666; font-size: 13px }}
</style>
<h1>Picture Perfect</h1>
{images}
"""


def write_gallery(s3: "S3Client", bucket: str, rows: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write the renditions of the ledger's `rows` to `folder`/customer/image/, and index.html. Returns their paths.

    If `folder` has an index.html, it is a gallery and is replaced; other folders keep their files.
    """
    if (folder / "index.html").exists():
        shutil.rmtree(folder)
    paths, parts = [], []
    for row in rows:
        parts.append(f"<h2>{escape(row['customer'])}: {escape(row['name'])}</h2>")
        if row["code"]:
            parts.append(f'<p class="failed">{escape(row["code"])}: {escape(row["message"])}</p>')
        for rendition in row["renditions"]:
            relative = Path(row["customer"], row["name"], Path(rendition["key"]).name)
            path = folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=rendition["key"])["Body"].read())
            paths.append(path)
            parts.append(_figure(relative, rendition))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(_PAGE.format(images="\n".join(parts)), encoding="utf-8")
    return paths


def _figure(path: Path, rendition: Mapping[str, Any]) -> str:
    caption = f"{rendition['name']} · {rendition['format']} · {dimensions(rendition['width'], rendition['height'])}"
    source = quote(path.as_posix())
    return f'<figure><a href="{source}"><img src="{source}"></a><figcaption>{escape(caption)}</figcaption></figure>'
