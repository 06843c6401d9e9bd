"""Addresses of IPv4 and IPv6 in URLs."""


def host_port(host: str, port: int | str) -> str:
    """Join the two as URLs have them, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
