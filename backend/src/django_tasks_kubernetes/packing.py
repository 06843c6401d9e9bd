"""Packs payloads, where that makes them smaller: `spec.payloadEncoding`. Pure, and the standard library only."""

from typing import Final

from django_tasks_kubernetes.exceptions import InvalidPayload
from djangotasks_api.names import UNPACKED_MAX_BYTES

ENCODING: Final = "zlib+base64"
# Of zlib's 1 to 9: more takes several times as long, and makes it a few per cent smaller (docs/decisions/20).
LEVEL: Final = 1


def pack(text: str) -> str | None:
    """ASCII text, packed; None where that is not smaller, or more than unpack() would give back."""
    import base64  # here and below: most tasks have nothing to pack
    import zlib

    if len(text) > UNPACKED_MAX_BYTES:
        return None
    packed = base64.b64encode(zlib.compress(text.encode("ascii"), LEVEL)).decode("ascii")
    return packed if len(packed) < len(text) else None


def unpack(packed: str, encoding: str) -> str:
    """Raises InvalidPayload: also for what would become too large, of which no more is unpacked than is allowed."""
    import base64
    import zlib

    if encoding != ENCODING:
        raise InvalidPayload(f"The payload is packed as {encoding}, which is not known here: the image is too old.")
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(packed, validate=True), UNPACKED_MAX_BYTES)
        if unpacker.eof and not unpacker.unused_data:
            return data.decode("utf-8")
    except (ValueError, zlib.error) as error:
        raise InvalidPayload(f"The payload is not {ENCODING}: {error}") from None
    raise InvalidPayload(f"The payload is cut, or has more than {UNPACKED_MAX_BYTES:,} bytes when it is unpacked.")
