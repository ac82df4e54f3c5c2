"""The page's function does not import libraries that its cold start does not need."""

import os
import subprocess
import sys

ENVIRONMENT = {
    "PATH": os.defpath,
    "BUCKET": "home",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "AWS_REGION": "us-east-1",
}
#: Image libraries; boto3, whose clients are made on first use; the command line and the embedded cloud.
ABSENT = ("cv2", "numpy", "PIL", "boto3", "jwt", "localcloud", "pictureperfect", "uvicorn", "jinja2", "yaml")


def test_no_library_of_pixels_no_client_and_no_login_of_a_laptop_is_loaded() -> None:
    code = f"import sys, handler.web; handler.web.handle; print(*sorted(set(sys.modules) & {set(ABSENT)!r}))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=ENVIRONMENT)
    assert found.stdout.split() == []


def test_what_is_missing_is_named_before_anything_is_asked() -> None:
    code = "import handler.web; handler.web.handle"
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "AWS_REGION"}
    failed = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment)
    assert "invalid_settings: AWS_REGION is missing" in failed.stderr
