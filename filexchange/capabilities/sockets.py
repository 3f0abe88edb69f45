"""Sockets between processes of one machine."""

import socket

# More than the longest message, on a system whose default is less.
_ROOM = 1 << 18


def packet_sockets() -> tuple[socket.socket, socket.socket] | None:
    """Return a reader and a writer of messages that stay whole; None where there are none."""
    if not hasattr(socket, "SOCK_SEQPACKET") or not hasattr(socket, "AF_UNIX"):
        return None
    try:
        reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError:
        return None
    for each in (reader, writer):
        each.settimeout(None)  # whatever the program has set for its network
    writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
    return reader, writer
