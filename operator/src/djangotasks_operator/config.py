"""The operator's settings."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the command line sets."""

    namespaces: tuple[str, ...] = ()
    """Where to work; empty for all."""
    report_url: str | None = None
    """Where task pods reach this operator."""
    service: tuple[str, str] | None = None
    """Namespace and name of the Service whose cluster IP is the report URL, where that is not set."""
    lease: tuple[str, str] | None = None
    """Namespace and name of the Lease that replicas share; None for the only replica."""
    leader_url: str | None = None
    """Where standby pods reach this very process while it leads; None where replicas have no addresses of their own."""
    host: str | None = None
    """The address to listen on; None for all, of IPv4 and of IPv6."""
    port: int = 8080
    """Of the endpoint of reports."""
    health_port: int = 8081
    """Of the probes and the metrics."""
    resync_seconds: float = 300.0
    keys: tuple[bytes, ...]
    """Sign the tokens of task pods: the first one signs, all are accepted."""
