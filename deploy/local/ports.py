"""Free TCP ports on the loopback interface, and raw questions to what listens there."""

import secrets
import socket
import time
from contextlib import suppress

from deploy.local.errors import EmbeddedError

LOOPBACK = "127.0.0.1"

# Below the range from which Linux takes the ports of outgoing connections (32768 and up). Inside
# that range a client that tries again and again to reach a stopped server will sooner or later be
# given the very port as its own and connect to itself, and the server cannot come back.
_CANDIDATES = range(15_000, 32_000)


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on at this moment."""
    for _ in range(200):
        port = secrets.choice(_CANDIDATES)
        if is_free(port):
            return port
    raise EmbeddedError(f"No free port found between {_CANDIDATES.start} and {_CANDIDATES.stop}.")


def is_free(port: int) -> bool:
    """Whether a server could bind this port now."""
    with socket.socket() as probe:
        # As the servers do: connections of a stopped server that still linger are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def wait_until_free(port: int, seconds: float = 3.0) -> None:
    """Give the server that used the port before us a moment to go; EmbeddedError if it stays."""
    deadline = time.monotonic() + seconds
    while not is_free(port):
        if time.monotonic() > deadline:
            raise EmbeddedError(f"Port {port} on {LOOPBACK} is used by another program.")
        time.sleep(0.05)


def ask(port: int, question: bytes, *, lines: int = 0, seconds: float = 5.0) -> bytes:
    """Connect, send the question, return what is answered: empty when nobody listens.

    The answer ends with the first packet, or when it has this many ``lines``.
    """
    answer = b""
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=seconds) as peer:
        peer.sendall(question)
        while part := peer.recv(4096):
            answer += part
            if answer.count(b"\n") >= lines:
                break
    return answer
