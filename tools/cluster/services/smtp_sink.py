#!/opt/venv/bin/python
"""An SMTP server that keeps what it gets: each message as one JSON line on stdout, and in a maildir.

Environment: SMTP_SINK_PORT (2525), SMTP_SINK_MAILDIR (/tmp/mail). A test reads the pod's log.
"""

import asyncio
import contextlib
import email
import email.policy
import json
import mailbox
import os
import signal
import sys

from aiosmtpd.smtp import SMTP, Envelope, Session


class Sink:
    """aiosmtpd's handler: accepts every message."""

    def __init__(self, folder: str) -> None:
        self._maildir = mailbox.Maildir(folder, create=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd calls it so
        content = envelope.original_content or b""
        self._maildir.add(content)
        message = email.message_from_bytes(content, policy=email.policy.default)
        body = message.get_body(preferencelist=("plain", "html"))
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(message["subject"] or ""),
            "body": str(body.get_content()) if body is not None else "",
        }
        print(json.dumps(line), flush=True)
        return "250 OK"


async def serve(port: int, folder: str) -> None:
    """Listen until SIGTERM."""
    sink = Sink(folder)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGINT, ended.set)
    server = await loop.create_server(lambda: SMTP(sink, enable_SMTPUTF8=True), host="0.0.0.0", port=port)
    print(f"listening on port {port}", file=sys.stderr, flush=True)
    async with server:
        await ended.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        port = int(os.environ.get("SMTP_SINK_PORT", "2525"))
        asyncio.run(serve(port, os.environ.get("SMTP_SINK_MAILDIR", "/tmp/mail")))
