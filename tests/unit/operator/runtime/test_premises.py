from __future__ import annotations

import asyncio
from pathlib import Path

import kopf
import pytest

from djangotasks_operator.runtime import premises
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.premises import Premises, PremisesChanged, certificates


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(premises, "CHECK_SECONDS", 0.0)


def test_a_value_that_changes_ends_the_process_and_one_that_cannot_be_read_does_not() -> None:
    answers: list[str | Exception] = ["10.0.0.8", ConnectionError(), ApiError(404, {}), "10.0.0.7", "10.0.0.7"]

    async def read() -> str:
        if isinstance(answer := answers.pop(), Exception):
            raise answer
        return answer

    async def run() -> None:
        relied_on = Premises()
        assert await relied_on.rely_on("The address", read) == "10.0.0.7"
        await relied_on.run()

    with pytest.raises(PremisesChanged, match="The address has changed: the operator begins again"):
        asyncio.run(run())
    assert not answers


def test_the_certificate_of_an_authority_that_is_replaced_ends_the_process(tmp_path: Path) -> None:
    """Of a service account: the kubelet replaces the file, and the process has read it once."""
    path = tmp_path / "ca.crt"
    path.write_text("old")
    read = certificates(kopf.ConnectionInfo(server="https://10.0.0.1:443", ca_path=str(path), token="t"))

    async def run() -> None:
        relied_on = Premises()
        await relied_on.rely_on("The certificate", read)
        path.write_text("new")
        await relied_on.run()

    with pytest.raises(PremisesChanged, match="The certificate has changed"):
        asyncio.run(run())


def test_credentials_without_files_are_relied_on_as_they_are() -> None:
    assert asyncio.run(certificates(kopf.ConnectionInfo(server="http://10.0.0.1", ca_data="x"))()) == ()  # type: ignore[arg-type]
