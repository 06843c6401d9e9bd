"""Processes of a web app on this machine, with its database in the cluster, and a relay."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from tools.cluster import ROOT
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tools.kubectl import Kubectl

KILLED = -signal.SIGKILL
PROCESS_SECONDS = 300.0
DUE_SECONDS = 240.0
WAIT_AT_COMMIT = """
CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON django_tasks_kubernetes_outboxtask
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit();
"""


class Web:
    """`database`: the environment that leads to it. `kubeconfig`: of the processes' way to the API server."""

    def __init__(self, database: dict[str, str], kubeconfig: Path, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.environ = database | {
            "DJANGO_SETTINGS_MODULE": "tests.support.web_settings",
            "KUBECONFIG": str(kubeconfig),
            "NAMESPACE": kubectl.namespace,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples" / "shop")]),
        }
        self._running: set[subprocess.Popen[str]] = set()

    def kill(self) -> None:
        for process in self._running:
            process.kill()

    def run(self, *arguments: str, mode: str = "outbox", code: int = 0) -> str:
        """What a process of the web app printed. `code`: how it is expected to end."""
        return self._run("tests.support.web", *arguments, mode=mode, code=code)

    def manage(self, *arguments: str, code: int | None = 0) -> str:
        return self._run("django", *arguments, mode="outbox", code=code)

    def enqueue(self, *arguments: str, mode: str = "outbox", code: int = 0) -> str:
        id_: str = json.loads(self.run("enqueue", *arguments, mode=mode, code=code))
        return id_

    def enqueue_many(self, count: int, *wrong: int, mode: str = "outbox") -> tuple[list[str | None], dict[int, str]]:
        """The ids by the call, None for what was not accepted; and the errors. `wrong`: calls whose arguments are not JSON."""
        report = json.loads(self.run("many", str(count), *map(str, wrong), mode=mode))
        return report["ids"], {int(index): error for index, error in report["errors"].items()}

    def rows(self) -> dict[str, tuple[int, str]]:
        """The tries and the last error of what is in the outbox."""
        return {id_: (tries, error) for id_, tries, error in self._outbox("id", "tries", "error")}

    def resource(self, id_: str) -> str:
        """The DjangoTask that a row becomes."""
        return str(dict(self._outbox("id", "resource"))[id_])

    def dispatched(self) -> set[str]:
        """The tasks whose end was dispatched."""
        ends = self._query("SELECT task_id FROM django_tasks_kubernetes_taskend WHERE dispatched_at IS NOT NULL")
        return {id_ for (id_,) in ends}

    def _outbox(self, *columns: LiteralString) -> list[Any]:
        return self._query(f"SELECT {', '.join(columns)} FROM django_tasks_kubernetes_outboxtask")

    @contextmanager
    def commits_held(self) -> Iterator[Callable[[], bool]]:
        """Transactions that wrote to the outbox wait at their commit until the end. Gives a function that tells whether one
        does."""
        with self._connect() as connection:
            connection.autocommit = True
            connection.execute("SELECT pg_advisory_lock(1)")
            connection.execute(WAIT_AT_COMMIT)
            yield lambda: bool(self._query("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
            connection.execute("SELECT pg_advisory_unlock(1)")
            connection.execute("DROP FUNCTION wait_at_commit CASCADE")

    def _query(self, query: LiteralString) -> list[Any]:
        with self._connect() as connection:
            return connection.execute(query).fetchall()

    def _connect(self) -> psycopg.Connection[Any]:
        port, password = self.environ["DATABASE_PORT"], self.environ["DATABASE_PASSWORD"]
        return psycopg.connect(f"host=127.0.0.1 port={port} user=shop dbname=shop password={password}")

    def tasks(self) -> list[str]:
        return self.kubectl("get", "djangotasks", "-o", "jsonpath={.items[*].metadata.name}").split()

    def relay(self) -> None:
        """Until nothing is left: a row is due a few seconds after it was written or tried."""

        def empty() -> bool | None:
            self.manage("relay_tasks", "--once", code=None)
            return True if not self.rows() else None

        wait_for("the outbox is empty", empty, seconds=DUE_SECONDS, why=lambda: repr(self.rows()))

    def _run(self, module: str, *arguments: str, mode: str, code: int | None) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **self.environ, "ENQUEUE": mode},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running.add(process)
        try:
            out, err = process.communicate(timeout=PROCESS_SECONDS)
        finally:
            process.kill()
            self._running.discard(process)
        assert code in (None, process.returncode), f"{arguments} ended with {process.returncode}\n{out}{err}"
        return out
