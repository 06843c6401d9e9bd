"""Compression of payloads: `spec.payloadEncoding`. Pure, and the standard library only."""

from typing import Final

from django_tasks_kubernetes.exceptions import InvalidPayload
from djangotasks_api.bounds import UNPACKED_MAX_BYTES

ENCODING: Final = "zlib+base64"
# Of zlib's 1 to 9: more takes several times as long, and makes it a few per cent smaller (docs/decisions/20).
LEVEL: Final = 1


def compress(text: str) -> str | None:
    """Compresses ASCII text. Returns None where that is not smaller, or longer than decompress() allows."""
    import base64  # here and below: most payloads are not compressed
    import zlib

    if len(text) > UNPACKED_MAX_BYTES:
        return None
    compressed = base64.b64encode(zlib.compress(text.encode("ascii"), LEVEL)).decode("ascii")
    return compressed if len(compressed) < len(text) else None


def decompress(compressed: str, encoding: str) -> str:
    """Decompresses a payload, up to the allowed size. Raises InvalidPayload."""
    import base64
    import zlib

    if encoding != ENCODING:
        raise InvalidPayload(f"The payload is compressed as {encoding}, which is not known here: the image is too old.")
    try:
        decompressor = zlib.decompressobj()
        data = decompressor.decompress(base64.b64decode(compressed, validate=True), UNPACKED_MAX_BYTES)
        if decompressor.eof and not decompressor.unused_data:
            return data.decode("utf-8")
    except (ValueError, zlib.error) as error:
        raise InvalidPayload(f"The payload is not {ENCODING}: {error}") from None
    raise InvalidPayload(f"The payload is cut, or has more than {UNPACKED_MAX_BYTES:,} bytes when it is decompressed.")
