"""An account to deploy into: moto's, with stand-ins for the programs of Docker and CDK."""

import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import psycopg
import pytest

from pictureperfect.deployment.cdk import Npx

REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's
BOOTSTRAPPED = "/cdk-bootstrap/hnb659fds/version"

#: The outputs of infra/stack.py that the commands read.
OUTPUTS = {
    "BucketName": f"pp-pictures-{ACCOUNT}-{REGION}",
    "ProcessFunctionName": "pp-process",
    "AdminFunctionName": "pp-admin",
    "ProcessMemoryMb": "3008",
    "OverflowQueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/pp-overflow",
    "MetricsNamespace": "PicturePerfect",
    "PageUrl": "https://page.example",
}


class Cdk:
    """A stand-in for CDK's command line: records its call, and creates the stack of the assembly in moto.

    It fails if it is to import resources, which moto cannot. A `code` other than 0 makes it fail.
    """

    def __init__(self) -> None:
        self.called: list[str] = []
        self.code = 0

    def run(self, command: Sequence[str], _npx: Npx) -> int:
        self.called = [*command]
        if self.code or "--import-existing-resources" in command:
            return self.code or 1
        stack, folder = command[command.index("deploy") + 1], Path(command[command.index("--app") + 1])
        client = boto3.client("cloudformation")
        if not any(each["StackName"] == stack for each in client.describe_stacks()["Stacks"]):
            client.create_stack(StackName=stack, TemplateBody=next(folder.glob("*.template.json")).read_text())
        return 0


def environment(patch: pytest.MonkeyPatch, endpoint: str, **more: str) -> None:
    """Set credentials, a region and an endpoint, and remove this machine's own."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "CDK_"))]:
        patch.delenv(name)
    values = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        **more,
    }
    for name, value in values.items():
        if value:
            patch.setenv(name, value)


def program(folder: Path, name: str, script: str) -> Path:
    """Write a shell script of that name into a folder for the PATH."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def template(bucket: str = "pp-pictures-${AWS::AccountId}-${AWS::Region}") -> dict[str, Any]:
    """A stack with a retained bucket and the outputs of the real stack."""
    return {
        "Resources": {
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "DeletionPolicy": "Retain",
                "Properties": {"BucketName": {"Fn::Sub": bucket}},
            },
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "pp-overflow"}},
        },
        "Outputs": {name: {"Value": value} for name, value in OUTPUTS.items()},
    }


def assembly(template_: dict[str, Any]) -> Any:
    """A stand-in for `cdk.assemble` that writes this template and records the contexts of its calls."""
    contexts: list[dict[str, Any]] = []

    def assemble(context: dict[str, Any], out: Path) -> dict[str, Any]:
        contexts.append(context)
        out.mkdir(parents=True, exist_ok=True)
        (out / "PicturePerfect.template.json").write_text(json.dumps(template_))
        return template_

    assemble.contexts = contexts  # type: ignore[attr-defined]
    return assemble


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A server that gives the same answer to every request, such as AWS's refusal of credentials."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Log nothing."""

    with _serving(Answer) as url:
        yield url


@contextmanager
def data_api(url: str, sleeps: int = 0, refuses: str = "") -> Iterator[str]:
    """A Data API for a PostgreSQL. The first `sleeps` requests find the cluster resuming; later ones get `refuses`."""
    statements: list[str] = []

    class Requests(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            statements.append(request["sql"])
            fault = "DatabaseResumingException" if len(statements) <= sleeps else refuses
            if not fault:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(request["sql"].encode())
            body = b'{"message": "not now"}' if fault else b'{"numberOfRecordsUpdated": 0}'
            self.send_response(400 if fault else 200)
            if fault:
                self.send_header("x-amzn-ErrorType", fault)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Log nothing."""

    with _serving(Requests) as endpoint:
        yield endpoint


def refusal(code: str) -> str:
    """An error answer of STS with this code."""
    return (
        f'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code>'
        "<Message>The security token included in the request is not good.</Message></Error>"
        "<RequestId>1</RequestId></ErrorResponse>"
    )
