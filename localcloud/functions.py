"""The Lambda functions of the embedded cloud, with the settings that infra/ gives them in AWS."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from localcloud import clients
from localcloud.clients import Credentials
from localcloud.config import CloudConfig, Options
from localcloud.lambda_.function import Function, FunctionConfig
from localcloud.s3_sqs_cloudwatch import cloudwatch_emf


@dataclass(frozen=True)
class Functions:
    """One function for each module of `handler`."""

    process: Function
    record: Function
    dispatch: Function
    web: Function
    admin: Function

    def __iter__(self) -> Iterator[Function]:
        return iter((self.process, self.record, self.dispatch, self.web, self.admin))


def company_environment(options: Options) -> dict[str, str]:
    """The company's own pipelines and operations, for every entry that processes images."""
    return {"PIPELINES": options.pipelines, "OPERATIONS": options.operations, "PYTHONPATH": options.python_path}


def create_functions(
    stack: ExitStack,
    config: CloudConfig,
    options: Options,
    credentials: Mapping[str, Credentials],
    login_environment: Mapping[str, str],
    logs: Path,
) -> Functions:
    """Create the functions; they close with `stack`. `credentials` are those of each function's role, by its name."""
    cloudwatch = clients.cloudwatch(config.endpoint)

    def create(name: str, timeout: float, concurrency: int, environment: Mapping[str, str]) -> Function:
        function = FunctionConfig(
            name=name,
            handler=f"handler.{name}.handle",
            timeout=timeout,
            memory_mb=options.memory_mb,
            concurrency=concurrency,
            environment={**environment, **credentials[name].environment()},
        )
        return stack.enter_context(Function(function, logs, on_log=partial(cloudwatch_emf.put, cloudwatch)))

    process_environment = {
        **config.process_environment(),
        **company_environment(options),
        "WORK_DIR": "{tmp}",
        "LAMBDA_MAX_MEGAPIXELS": str(options.lambda_max_megapixels),
        "THREADS": "1",  # the sandboxes share this machine's processors; in Lambda each has its own
        "WORKERS": "2",  # on any machine, so that a Kafka batch is processed in parallel as in Lambda
    }
    web_environment = {**config.web_environment(), "PIPELINES": options.pipelines, **login_environment}
    reconcile_after = {"RECONCILE_AFTER_HOURS": str(options.reconcile_after / 3600)}
    return Functions(
        process=create("process", options.timeout, options.concurrency, process_environment),
        record=create("record", min(30.0, options.timeout), 1, config.record_environment()),
        dispatch=create("dispatch", min(60.0, options.timeout), 2, config.dispatch_environment()),
        web=create("web", 29.0, options.concurrency, web_environment),
        admin=create("admin", 900.0, 1, {**config.admin_environment(), **reconcile_after}),
    )
