"""An account to deploy into: moto's, with programs on the PATH that stand for Docker's and CDK's."""

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

#: What the stack says of itself, as infra/stack.py has it.
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
    """As CDK's command line: knows how it was called, and makes the stack of the assembly that it was given.

    It cannot take anything over, as moto cannot. `code` is its exit, if it is to fail.
    """

    def __init__(self) -> None:
        self.called: list[str] = []
        self.code = 0

    def run(self, command: Sequence[str], _start: Npx) -> int:
        self.called = [*command]
        if self.code or "--import-existing-resources" in command:
            return self.code or 1
        stack, folder = command[command.index("deploy") + 1], Path(command[command.index("--app") + 1])
        client = boto3.client("cloudformation")
        if not any(one["StackName"] == stack for one in client.describe_stacks()["Stacks"]):
            client.create_stack(StackName=stack, TemplateBody=next(folder.glob("*.template.json")).read_text())
        return 0


def environment(patch: pytest.MonkeyPatch, endpoint: str, **more: str) -> None:
    """Credentials, a region and an endpoint, and nothing of this machine's own."""
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
    """A shell script of that name in a folder that becomes a PATH."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def template(bucket: str = "pp-pictures-${AWS::AccountId}-${AWS::Region}") -> dict[str, Any]:
    """A stack with a bucket that is kept and with the outputs of the real one."""
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
    """What stands for `cdk.assemble`: writes that template; keeps the contexts it was asked with."""
    contexts: list[dict[str, Any]] = []

    def assemble(context: dict[str, Any], out: Path) -> dict[str, Any]:
        contexts.append(context)
        out.mkdir(parents=True, exist_ok=True)
        (out / "PicturePerfect.template.json").write_text(json.dumps(template_))
        return template_

    assemble.contexts = contexts  # type: ignore[attr-defined]
    return assemble


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A server that answers everything alike, as AWS does who is not to be let in."""

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
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def data_api(url: str, sleeps: int = 0, refuses: str = "") -> Iterator[str]:
    """A Data API in front of a real PostgreSQL, whose cluster has to be asked `sleeps` times until it is awake."""
    asked: list[str] = []

    class Requests(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(wanted["sql"])
            fault = "DatabaseResumingException" if len(asked) <= sleeps else refuses
            if not fault:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(wanted["sql"].encode())
            body = b'{"message": "not now"}' if fault else b'{"numberOfRecordsUpdated": 0}'
            self.send_response(400 if fault else 200)
            if fault:
                self.send_header("x-amzn-ErrorType", fault)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def refusal(code: str) -> str:
    """As STS spells one."""
    return (
        f'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code>'
        "<Message>The security token included in the request is not good.</Message></Error>"
        "<RequestId>1</RequestId></ErrorResponse>"
    )
