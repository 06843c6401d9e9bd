from __future__ import annotations

import asyncio
import itertools
import pwd
from typing import Any

import kopf
import pytest
from kopf._cogs.structs import credentials

from djangotasks_operator.runtime import kopf_shell


@pytest.mark.thorough
def test_a_user_without_a_name_may_run_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenShift gives each namespace users of its own, which no image knows, and so may a policy of the cluster."""

    def unknown(uid: int) -> Any:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    registry, stop, began = kopf.OperatorRegistry(), asyncio.Event(), asyncio.Event()

    @kopf.on.startup(registry=registry)
    async def begin(**_: Any) -> None:
        began.set()
        stop.set()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server="http://127.0.0.1:9")

    asyncio.run(asyncio.wait_for(kopf_shell.run_kopf(registry, ("shop",), stop), 20))
    assert began.is_set()


def test_a_watch_that_is_refused_is_tried_for_ever() -> None:
    """After the last backoff kopf would end the process, for all namespaces."""
    settings = kopf.OperatorSettings()
    kopf_shell.configure(settings)
    backoffs: Any = settings.networking.error_backoffs
    for _ in range(2):
        found = list(itertools.islice(backoffs, 1000))
        assert (len(found), found[0], found[-1]) == (1000, 1, 5)


def test_credentials_that_were_refused_are_tried_again() -> None:
    """kopf ended the process when it was given the same ones: both replicas, whenever an API server that had just begun
    did not know their token yet."""
    same = kopf.ConnectionInfo(server="http://127.0.0.1:9", token="t")
    login = kopf_shell.repeated_login(lambda **_: same, seconds=0)

    async def story() -> list[str | None]:
        vault, tokens = credentials.Vault(), []
        for _ in range(5):
            await vault.populate({"login": await login()})
            async for key, info in vault:
                assert isinstance(info, kopf.ConnectionInfo)
                tokens.append(info.token)
                refused = asyncio.create_task(vault.invalidate(credentials.VaultKey(key), info))
                await vault.wait_for_emptiness()
                refused.cancel()
                break
        return tokens

    assert asyncio.run(asyncio.wait_for(story(), 20)) == ["t"] * 5
