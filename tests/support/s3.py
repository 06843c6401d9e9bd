"""An S3 server, versitygw, as a process of this machine that pods reach: its buckets are folders, its objects files."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.support.operator import free_port
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tools.cluster.cluster import Cluster

READY_SECONDS = 120.0
REGION = "us-east-1"


class S3Server:
    """Use as a context manager: it is up inside. Keeps its port and its objects over a restart."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._program = cluster.provider.program("versitygw")
        self._folder = folder
        self._port = free_port()
        self._key, self._secret = secrets.token_hex(8), secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self.bucket = "tasks"
        self.url = f"http://{cluster.provider.host_address()}:{self._port}"
        for name in ("buckets", "metadata"):
            (folder / name).mkdir()
        (folder / "buckets" / self.bucket).mkdir()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        environ = {**os.environ, "ROOT_ACCESS_KEY": self._key, "ROOT_SECRET_KEY": self._secret}
        # Beside the objects, because not every file system has extended attributes.
        arguments = ["--port", f":{self._port}", "--region", REGION, "--quiet", "posix", "--sidecar"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *arguments, self._folder / "metadata", self._folder / "buckets"],
                env=environ,
                stdout=log,
                stderr=log,
            )
        wait_for("the S3 server answers", self._answers, seconds=READY_SECONDS, why=(self._folder / "log").read_text)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def path(self, name: str) -> Path:
        """The file of an object."""
        return self._folder / "buckets" / self.bucket / name

    def replace(self, name: str, data: bytes) -> None:
        """Another content for an object, by somebody who may write to the bucket."""
        self._client().put_object(Bucket=self.bucket, Key=name, Body=data)

    @property
    def environ(self) -> dict[str, str]:
        """What boto3 takes, in a pod; an S3 server that does not answer is asked once."""
        return {
            "AWS_ACCESS_KEY_ID": self._key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_MAX_ATTEMPTS": "1",
        }

    @property
    def storage(self) -> dict[str, Any]:
        """As STORAGES has it, for this process."""
        return {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": self.bucket,
                "access_key": self._key,
                "secret_key": self._secret,
                "endpoint_url": self.url,
                "region_name": REGION,
                "client_config": self._config(),
            },
        }

    def _config(self) -> Any:
        from botocore.config import Config  # type: ignore[import-untyped]

        return Config(retries={"total_max_attempts": 1})

    def _client(self) -> Any:
        import boto3  # type: ignore[import-untyped]

        return boto3.client(
            "s3",
            aws_access_key_id=self._key,
            aws_secret_access_key=self._secret,
            endpoint_url=self.url,
            region_name=REGION,
        )

    def _answers(self) -> bool | None:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
            return True
        return None
