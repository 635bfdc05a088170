"""Connections to receivers: a name is resolved, every address looked at, and that one connected to.

Between the look and the connection lies no second question for the name, so a name that changes its
address in between (DNS rebinding) changes nothing. TLS still asks for the certificate of the name.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import httpcore

from shared.webhooks.addresses import Address, Network, allowed

RESOLVERS = 32
ADDRESSES_MAX = 8

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Returns the addresses of a host, in the order in which to try them; raises NameUnresolved."""


class NameUnresolved(Exception):
    """Nobody knows the name of the receiver."""


class AddressRefused(Exception):
    """The name of the receiver leads to an address that webhooks must not go to."""


class SystemResolver:
    """Asks as the system does, in threads of its own: a name that hangs holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="webhook-names")

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        """Return the addresses of a host."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _look_up, host, port)
        except (OSError, UnicodeError) as error:
            raise NameUnresolved(host) from error
        return [ipaddress.ip_address(address) for address in dict.fromkeys(found)]

    def close(self) -> None:
        """End the threads that wait for nothing."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that are allowed, and to no other, whatever a name says."""

    def __init__(self, networks: Sequence[Network], resolve: Resolver) -> None:
        self._networks = networks
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host; raises AddressRefused, NameUnresolved or httpcore's errors.

        One address that is not allowed refuses them all: such a name is not meant well.
        """
        addresses = await self._addresses(host, port)
        failed: Exception = NameUnresolved(host)
        for address in addresses[:ADDRESSES_MAX]:
            try:
                return await self._backend.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def _addresses(self, host: str, port: int) -> Sequence[Address]:
        try:
            addresses: Sequence[Address] = [ipaddress.ip_address(host)]
        except ValueError:
            addresses = await self._resolve(host, port)
        if not all(allowed(address, self._networks) for address in addresses):
            raise AddressRefused(host)
        return addresses

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore asks for between tries; it is told to make one only."""
        await self._backend.sleep(seconds)
