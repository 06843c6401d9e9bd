"""Tokens of attempts, which authenticate their reports. Pure."""

import hashlib
import hmac
from collections.abc import Iterable


def sign(key: bytes, namespace: str, uid: str, attempt: int) -> str:
    """Make the token of one attempt: HMAC-SHA256, in hex. Any replica with the key can check it."""
    return hmac.new(key, f"{namespace}/{uid}/{attempt}".encode(), hashlib.sha256).hexdigest()


def verify(keys: Iterable[bytes], token: str, namespace: str, uid: str, attempt: int) -> bool:
    """Whether one of the keys made the token. Takes the same time wherever a wrong token differs."""
    given = token.encode(errors="replace")
    return any(hmac.compare_digest(sign(key, namespace, uid, attempt).encode(), given) for key in keys)


def sign_standby(key: bytes, namespace: str, pod: str, queue_uid: str) -> str:
    """Make the token of a standby pod. No attempt's is like it: those sign three parts."""
    return hmac.new(key, f"standby/{namespace}/{pod}/{queue_uid}".encode(), hashlib.sha256).hexdigest()


def verify_standby(keys: Iterable[bytes], token: str, namespace: str, pod: str, queue_uid: str) -> bool:
    """The same for the token of a standby pod."""
    given = token.encode(errors="replace")
    return any(hmac.compare_digest(sign_standby(key, namespace, pod, queue_uid).encode(), given) for key in keys)
