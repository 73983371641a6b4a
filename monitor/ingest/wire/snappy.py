"""The snappy block format, with the size looked at before a byte is unpacked."""

import cramjam


class BadSnappyError(ValueError):
    """Bytes that are no snappy block."""


def unpack(body: bytes, limit: int) -> bytes | None:
    """The bytes inside ``body``; None when it claims to hold more than ``limit``. Raises BadSnappyError."""
    if claimed_size(body) > limit:
        return None
    try:
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        message = f"not a snappy block ({error})"
        raise BadSnappyError(message) from error


def claimed_size(body: bytes) -> int:
    """What the first bytes of a block say about its size."""
    size = 0
    for n, byte in enumerate(body[:5]):
        size |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return size
    message = "not a snappy block (it does not begin with its size)"
    raise BadSnappyError(message)
