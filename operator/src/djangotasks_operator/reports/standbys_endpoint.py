"""The request with which a standby pod waits for its one task: the leader holds it until there is one.

| answer | means |
|---|---|
| 200 | the task, with the token of its attempt |
| 204 | nothing yet: ask again |
| 403 | the token is not this pod's |
| 410 | there will be none: end |
| 429, 503 | ask again, after Retry-After; of a replica that does not lead, `leader` says where the leader is |
"""

from collections.abc import Sequence

from aiohttp import web

from djangotasks_api.standby import HOLD_SECONDS, LEADER_FIELD
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.waiting_standbys import Elsewhere, Gone, TooMany, WaitingStandbys
from djangotasks_operator.pods.tokens import verify_standby
from djangotasks_operator.reports.authentication import BEARER, LABEL, REMEMBERED_MAX
from djangotasks_operator.reports.intake import too_many
from djangotasks_operator.runtime.rate_limit import TokenBuckets

PATH = f"/v1/standbys/{{namespace:{LABEL}}}/{{pod:{LABEL}}}/{{queue_uid:{LABEL}}}/next"
KIND = "standby"
# Requests of one pod: it asks every 20 s, and more often where leaders change.
BURST, PER_SECOND = 10, 1.0


class StandbysEndpoint:
    def __init__(self, waiting: WaitingStandbys, keys: Sequence[bytes], seconds: float = HOLD_SECONDS) -> None:
        """`keys`: one of them has signed the tokens. `seconds`: how long a request is held."""
        self._waiting = waiting
        self._keys = keys
        self._seconds = seconds
        self._rates = TokenBuckets[Key](BURST, PER_SECOND, REMEMBERED_MAX)

    def add_to(self, app: web.Application) -> None:
        app.router.add_post(PATH, self.next, name=KIND, expect_handler=self._expect)

    async def next(self, request: web.Request) -> web.Response:
        """Answer with the pod's task, when there is one. Raises what the client raises."""
        pod, queue_uid = self._authenticated(request)
        if wait := self._rates.reserve(pod):
            raise too_many("this pod asks too often\n", wait)

        def is_open() -> bool:
            return request.transport is not None and not request.transport.is_closing()

        try:
            assignment = await self._waiting.next(pod, queue_uid, is_open, self._seconds)
        except Gone as error:
            return web.Response(status=410, text=f"{error}\n")
        except Elsewhere as error:
            body = {} if error.leader is None else {LEADER_FIELD: error.leader}
            return web.json_response(body, status=503, headers={"Retry-After": "1"})
        except TooMany:
            return web.json_response({}, status=503, headers={"Retry-After": "10"})
        if assignment is None:
            return web.Response(status=204)
        return web.Response(text=assignment.to_json(), content_type="application/json")

    async def _expect(self, request: web.Request) -> None:
        """A request has no body."""
        self._authenticated(request)
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _authenticated(self, request: web.Request) -> tuple[Key, str]:
        """The pod that the token is of, and the uid of its queue. Answers 403 where it is not the one of the URL."""
        info = request.match_info
        namespace, pod, queue_uid = info["namespace"], info["pod"], info["queue_uid"]
        header = request.headers.get("Authorization", "")
        token = header.removeprefix(BEARER)
        if not (header.startswith(BEARER) and verify_standby(self._keys, token, namespace, pod, queue_uid)):
            raise web.HTTPForbidden(text="the token is not this pod's\n")
        return Key(namespace, pod), queue_uid
