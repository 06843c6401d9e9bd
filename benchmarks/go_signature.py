"""An outcome, signed as the runner signs it, by a Go template: so the operator believes a fake pod as any other. Pure.

KWOK's templates know SHA-256 and no HMAC, which is made of it (RFC 2104). An attempt's token has 64 characters, as
many as a block of SHA-256 has bytes, so it is the key as it is.
"""

from __future__ import annotations

import base64

from djangotasks_api.assignment import TOKEN_VARIABLE

HEX_DIGITS = "0123456789abcdef"
INNER, OUTER = 0x36, 0x5C
# Each byte at its own place: what a template has of numbers is text, and not bytes.
BYTES = base64.b64encode(bytes(range(256))).decode()
NOW = "NOW"


def signed_message(outcome: str) -> str:
    """The template's lines that set $message to a termination message. `outcome`: JSON, with NOW where $now belongs."""
    return "\n".join(
        [
            '{{ $token := "" }}',
            "{{ range .spec.containers }}{{ range .env }}",
            f'{{{{ if eq .name "{TOKEN_VARIABLE}" }}}}{{{{ $token = .value }}}}{{{{ end }}}}',
            "{{ end }}{{ end }}",
            f'{{{{ $outcome := replace "{NOW}" $now `{outcome}` }}}}',
            f"{{{{ $inner := $token {_replaced(HEX_DIGITS, _mixed(HEX_DIGITS, INNER))} }}}}",
            f"{{{{ $outer := $inner {_replaced(_mixed(HEX_DIGITS, INNER), _mixed(HEX_DIGITS, OUTER))} }}}}",
            "{{ $digest := sha256sum (print $inner $outcome) }}",
            f'{{{{ $bytes := b64dec "{BYTES}" }}}}',
            "{{ range untilStep 0 64 2 }}",
            '{{ $byte := int (print "0x" (substr . (int (add . 2)) $digest)) }}',
            "{{ $outer = print $outer (substr $byte (int (add $byte 1)) $bytes) }}",
            "{{ end }}",
            '{{ $message := print (sha256sum $outer) " " $outcome }}',
        ]
    )


def _mixed(text: str, pad: int) -> str:
    return "".join(chr(ord(char) ^ pad) for char in text)


def _replaced(old: str, new: str) -> str:
    """A pipeline that replaces each character. No old one is a new one, or it would be replaced again."""
    return " ".join(f'| replace "\\x{ord(a):02x}" "\\x{ord(b):02x}"' for a, b in zip(old, new, strict=True))
