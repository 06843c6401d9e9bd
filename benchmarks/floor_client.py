"""A client without any logic: it makes the same requests for a task as the operator, and reads the same watches.

    python -m benchmarks.floor_client NAMESPACE < bodies.json

A process of its own, in the same language, on the same HTTP client, event loop and JSON decoder. It decides nothing,
checks nothing, survives nothing: whatever a task begins with is a Job and a Pod, and whatever a Pod ends with is a
success. So what it costs and achieves on a machine is what a Python operator cannot do without there.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import uvloop

from benchmarks.child import READY
from benchmarks.floor_bodies import Bodies
from djangotasks_api.names import API_VERSION, TASK_PLURAL, TASK_UID_LABEL
from djangotasks_operator.runtime.credentials import login

if TYPE_CHECKING:
    from collections.abc import Callable

Object = dict[str, Any]
# As the operator's.
WRITES_IN_FLIGHT = 32
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
JSON = {"Content-Type": "application/json"}


class Client:
    def __init__(self, session: aiohttp.ClientSession, namespace: str, bodies: Bodies) -> None:
        self._session = session
        self._bodies = bodies
        self._writes = asyncio.Semaphore(WRITES_IN_FLIGHT)
        self._work = set[asyncio.Task[None]]()
        self._versions: dict[str, str] = {}
        self._begun, self._ended = set[str](), set[str]()
        self.tasks = f"/apis/{API_VERSION}/namespaces/{namespace}/{TASK_PLURAL}"
        self.jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self.pods = f"/api/v1/namespaces/{namespace}/pods"

    async def run(self) -> None:
        """Until cancelled."""
        watched = (
            (self.tasks, "", self.see_task),
            (self.jobs, TASK_UID_LABEL, lambda _: None),
            (self.pods, TASK_UID_LABEL, self.see_pod),
        )
        versions = [await self._version(path, selector) for path, selector, _ in watched]
        async with asyncio.TaskGroup() as group:
            for (path, selector, see), version in zip(watched, versions, strict=True):
                group.create_task(self._watch(path, selector, version, see))
            print(READY, flush=True)

    def see_task(self, task: Object) -> None:
        metadata = task["metadata"]
        name = metadata["name"]
        self._versions[name] = metadata["resourceVersion"]
        if name not in self._begun:
            self._begun.add(name)
            self._do(self._begin(name, metadata["uid"]))

    def see_pod(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        if pod["status"].get("phase") == "Succeeded" and name not in self._ended:
            self._ended.add(name)
            self._do(self._end(name.rpartition("-")[0], name))

    async def _begin(self, name: str, uid: str) -> None:
        job = await self._write("POST", self.jobs, self._bodies.job(name, uid), JSON)
        metadata = job["metadata"]
        self._versions[metadata["name"]] = metadata["resourceVersion"]
        await self._write("POST", self.pods, self._bodies.pod(name, uid, metadata["uid"]), JSON)

    async def _end(self, task: str, job: str) -> None:
        body = self._bodies.task_status(task, self._versions[task])
        await self._write("PATCH", f"{self.tasks}/{task}/status", body, MERGE_PATCH)
        body = self._bodies.job_status(self._versions[job])
        await self._write("PATCH", f"{self.jobs}/{job}/status", body, MERGE_PATCH)

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        task.result()

    async def _write(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Object:
        async with self._writes, self._session.request(method, path, data=body, headers=headers) as response:
            answer = await response.read()
            assert response.ok, f"{method} {path}: {answer[:500]!r}"
            decoded: Object = msgspec.json.decode(answer)
            return decoded

    async def _version(self, path: str, selector: str) -> str:
        async with self._session.get(path, params={"limit": "1", "labelSelector": selector}) as response:
            version: str = msgspec.json.decode(await response.read())["metadata"]["resourceVersion"]
            return version

    async def _watch(self, path: str, selector: str, version: str, see: Callable[[Object], None]) -> None:
        params = {"watch": "true", "allowWatchBookmarks": "true", "labelSelector": selector}
        limits = aiohttp.ClientTimeout(total=None)
        while True:
            async with self._session.get(
                path, params=params | {"resourceVersion": version}, timeout=limits
            ) as response:
                assert response.ok, await response.text()
                rest = b""
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        event = msgspec.json.decode(line)
                        version = event["object"]["metadata"]["resourceVersion"]
                        if event["type"] in ("ADDED", "MODIFIED"):
                            see(event["object"])


async def main(namespace: str, bodies: Bodies) -> None:
    info = login()
    async with aiohttp.ClientSession(
        base_url=info.server,
        headers=info.as_http_headers(),
        connector=aiohttp.TCPConnector(ssl=info.as_ssl_context(), limit=0),
    ) as session:
        await Client(session, namespace, bodies).run()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Bodies(**msgspec.json.decode(sys.stdin.buffer.readline()))))
