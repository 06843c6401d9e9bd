"""Several stages side by side, for stories that mostly wait: each has one at a time."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.support.stage import Stage
from tests.support.zygote import Zygote
from tools.cluster.cluster import Cluster


class Lanes:
    """Use as a context manager. `folders`: one for each stage. `prepare`: is called with each stage at its begin."""

    def __init__(
        self, cluster: Cluster, folders: Sequence[Path], prepare: Callable[[Stage], object] = lambda _: None
    ) -> None:
        self._cluster, self._folders, self._prepare = cluster, folders, prepare
        self._free: queue.Queue[Stage] = queue.Queue()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        zygote = Zygote()
        self._stack.callback(zygote.close)
        self._pool = self._stack.enter_context(ThreadPoolExecutor(len(self._folders)))

        def open_lane(folder: Path) -> None:
            stage = self._stack.enter_context(Stage(self._cluster, folder, zygote))
            self._prepare(stage)
            self._free.put(stage)

        list(self._pool.map(open_lane, self._folders))
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._stack.close()

    def submit[T](self, story: Callable[[Stage], T]) -> Future[T]:
        """Tell it once a stage is free."""

        def run() -> T:
            stage = self._free.get()
            try:
                return story(stage)
            finally:
                self._free.put(stage)

        return self._pool.submit(run)
