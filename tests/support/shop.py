"""The example shop as the stories use it: requests to its web part, its tasks, and the mails that it sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from djangotasks_api.phases import TERMINAL_PHASES
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tools.kubectl import Kubectl

TASK_SECONDS = 240
# In the web pod: a request to the web part, with what comes on stdin as the file of a form.
REQUEST = """
import sys, urllib.request
method, path, *field = sys.argv[1:]
request = urllib.request.Request("http://localhost:8000" + path, method=method)
if field:
    head = f'Content-Disposition: form-data; name="{field[0]}"; filename="{field[0]}.csv"'
    request.data = b"\\r\\n".join([b"--next", head.encode(), b"", sys.stdin.buffer.read(), b"--next--", b""])
    request.add_header("Content-Type", "multipart/form-data; boundary=next")
print(urllib.request.urlopen(request).read().decode())
"""


class Shop:
    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl

    def request(self, method: str, path: str, *field: str, stdin: str = "") -> dict[str, Any]:
        command = ("exec", "--stdin", "deployment/web", "--", "python", "-c", REQUEST, method, path, *field)
        answer: dict[str, Any] = json.loads(self.kubectl(*command, stdin=stdin))
        return answer

    def result(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What the web part says of a task once it is finished."""
        self.wait_for_phase(answer["id"], *TERMINAL_PHASES)
        return self.request("GET", answer["result"])

    def wait_for_phase(self, id_: str, *phases: str) -> None:
        def reached() -> bool | None:
            status = self.kubectl.get("djangotask", id_).get("status", {})
            return True if status.get("phase") in phases else None

        def why() -> str:
            return self.kubectl("get", "djangotask", id_, "-o", "yaml")

        wait_for(f"{id_} is {' or '.join(phases)}", reached, seconds=TASK_SECONDS, why=why)

    def python(self, code: str) -> str:
        return self.kubectl.manage("shell", "--no-imports", "-c", code)

    def mail_about(self, words: str) -> dict[str, Any]:
        """The only one with these words in its subject. The log has it a moment after the server accepted it."""

        def arrived() -> list[dict[str, Any]] | None:
            lines = self.kubectl("logs", "deployment/smtp", "--tail=-1").splitlines()
            mails = [json.loads(line) for line in lines if line.startswith("{")]
            return [mail for mail in mails if words in mail["subject"]] or None

        (mail,) = wait_for(f"a mail about {words}", arrived, seconds=TASK_SECONDS)
        return mail
