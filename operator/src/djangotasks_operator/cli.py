"""The command line: `djangotasks-operator run`."""

import asyncio
import logging
import secrets
from pathlib import Path

import click
import kopf
import uvloop

from djangotasks_operator.app import Operator
from djangotasks_operator.cache.definitions import DefinitionsOutdated
from djangotasks_operator.cache.reflectors import NamespaceReadable
from djangotasks_operator.config import Config
from djangotasks_operator.runtime.addresses import host_port
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.http_server import CannotServe, raise_file_limit
from djangotasks_operator.runtime.premises import PremisesChanged
from djangotasks_operator.runtime.reflector import VersionsWentBack
from djangotasks_operator.telemetry import logs

logger = logging.getLogger(__name__)

KEY_MIN_BYTES = 32
# What ends the process with a sentence of its own.
EXPLAINED = (
    kopf.LoginError,
    CannotServe,
    DefinitionsOutdated,
    NamespaceReadable,
    PremisesChanged,
    VersionsWentBack,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "DJANGOTASKS"})
@click.version_option(package_name="djangotasks-operator")
def main() -> None:
    """Runs each DjangoTask as a Kubernetes Job."""


@main.command(context_settings={"show_default": True})
@click.option(
    "-n", "--namespace", "namespaces", multiple=True, help="A namespace to work in; can be repeated.  [default: all]"
)
@click.option("--report-url", metavar="URL", help="Where task pods reach this operator, such as http://10.0.0.7:8080.")
@click.option("--service", metavar="NAMESPACE/NAME", help="The operator's Service: its cluster IP is the report URL.")
@click.option(
    "--lease", metavar="NAMESPACE/NAME", help="The Lease by which replicas choose their leader.  [default: lead alone]"
)
@click.option(
    "--address",
    metavar="IP",
    help="Where pods reach this very replica. Standby pods wait at the leader's.  [default: behind the Service]",
)
@click.option("--host", help="The address to listen on.  [default: all, of IPv4 and of IPv6]")
@click.option("--port", default=8080, help="The port that task pods report to.")
@click.option("--health-port", default=8081, help="The port of /healthz, /readyz and /metrics.")
@click.option("--resync-seconds", default=300.0, help="How often everything is listed again.")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The key that signs the tokens of task pods: at least 32 bytes. All replicas need the same."
    "  [default: a new one; pods that run over a restart then leave their outcome in their termination message]",
)
@click.option(
    "--previous-key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The key before that one, which is still accepted. Need not exist.",
)
@click.option(
    "--log-format",
    type=click.Choice([choice.value for choice in logs.LogFormat]),
    default=logs.LogFormat.TEXT.value,
    help="For people, or an object a line.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def run(
    namespaces: tuple[str, ...],
    report_url: str | None,
    service: str | None,
    lease: str | None,
    address: str | None,
    host: str | None,
    port: int,
    health_port: int,
    resync_seconds: float,
    key_file: Path | None,
    previous_key_file: Path | None,
    log_format: str,
    verbose: bool,
) -> None:
    """Work until SIGTERM."""
    logs.configure(logs.LogFormat(log_format), verbose=verbose)
    if (report_url is None) == (service is None):
        raise click.UsageError("Give one of --report-url and --service: task pods must know where to report to.")
    if report_url is not None and not report_url.startswith("http://"):
        raise click.BadParameter("must begin with http://", param_hint="--report-url")
    config = Config(
        namespaces=namespaces,
        report_url=report_url,
        service=None if service is None else _namespaced(service, "--service"),
        lease=None if lease is None else _namespaced(lease, "--lease"),
        leader_url=None if address is None else f"http://{host_port(address, port)}",
        host=host,
        port=port,
        health_port=health_port,
        resync_seconds=resync_seconds,
        keys=_keys(key_file, previous_key_file),
    )
    raise_file_limit()
    try:
        uvloop.run(Operator(config).run())
    except asyncio.CancelledError:
        logger.info("a signal ended the operator before it had begun")
    except EXPLAINED as error:
        logger.critical("%s", error)
        raise SystemExit(1) from error
    except (ApiError, OSError) as error:
        logger.critical("The API server: %s", error)
        raise SystemExit(1) from error
    except Exception as error:
        logger.critical("The operator ends: a defect", exc_info=True)
        raise SystemExit(1) from error


def _namespaced(value: str, option: str) -> tuple[str, str]:
    namespace, _, name = value.partition("/")
    if not (namespace and name):
        raise click.BadParameter("must be NAMESPACE/NAME", param_hint=option)
    return namespace, name


def _keys(current: Path | None, previous: Path | None) -> tuple[bytes, ...]:
    """The key that signs, and then the one that is accepted besides."""
    first = secrets.token_bytes(KEY_MIN_BYTES) if current is None else _key(current, "--key-file")
    if previous is None or not previous.exists():
        return (first,)
    return first, _key(previous, "--previous-key-file")


def _key(path: Path, option: str) -> bytes:
    key = path.read_bytes().strip()
    if len(key) < KEY_MIN_BYTES:
        raise click.BadParameter(f"{path} has fewer than {KEY_MIN_BYTES} bytes", param_hint=option)
    return key


if __name__ == "__main__":
    main()
