"""A power cut: what was answered is on the disk, and the rest of the chain follows from it."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.local.place import throwaway_folder
from deploy.local.stack import Stack
from shared.tasks import end
from tests.flow.world import CHEN, EAST, World, client, founded
from tests.resilience.scale import only_in_full
from tests.resilience.selling import AMOUNT, Sales
from tests.resilience.wholeness import whole

SELLERS = 4
IMAGE_BYTES = 600 << 20
# The journal of the file system is not written by itself meanwhile: a copy of the image is what a
# disk would hold at that moment, without what only memory knows.
MOUNT = ("mount", "--options", "loop,commit=600,noatime")


class Disk:
    """A file system in an image, mounted in a folder."""

    def __init__(self, folder: Path) -> None:
        self.mounted_at = folder / "disk"
        self.mounted_at.mkdir()
        self._image, self._copy = folder / "image", folder / "copy"

    def format(self) -> None:
        """Make an empty file system; raises CalledProcessError."""
        with self._image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        run("mkfs.ext4", "-q", "-F", str(self._image))

    def mount(self) -> None:
        """Mount it; raises CalledProcessError."""
        run(*MOUNT, str(self._image), str(self.mounted_at))

    def unmount(self) -> None:
        """Take it off; nothing of it may be in use."""
        run("umount", str(self.mounted_at))

    def keep(self) -> None:
        """Copy the image as it is now."""
        run("cp", "--sparse=always", str(self._image), str(self._copy))

    def put_back(self) -> None:
        """Go on with the copy."""
        self._copy.replace(self._image)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def disk() -> Iterator[Disk]:
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("only root mounts an image, and mkfs.ext4 makes it")
    with throwaway_folder() as folder:
        made = Disk(folder)
        made.format()
        try:
            made.mount()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"images cannot be mounted here: {error.stderr.decode()}")
        try:
            yield made
        finally:
            with suppress(subprocess.CalledProcessError):  # it was taken off already
                made.unmount()


def processes(parent: int) -> Sequence[int]:
    """Return a process and all that it started."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *(pid for child in children for pid in processes(int(child)))]


@contextmanager
def stopped_for_good(stack: Stack) -> Iterator[None]:
    """Hold the servers still; afterwards they are dead."""
    assert stack.postgres is not None
    assert stack.nats is not None
    held = [pid for server in (stack.postgres, stack.nats) for pid in processes(server.child.pid)]
    for pid in held:
        with suppress(ProcessLookupError):  # a backend that has just ended
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in held:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@only_in_full
@pytest.mark.parametrize("deals", [1, 5, 20, 60, 150])
async def test_what_was_answered_before_the_cut_is_there_after_it(disk: Disk, deals: int) -> None:
    folder = disk.mounted_at / "pharos"
    async with Stack(folder) as first, founded(first) as world:
        await world.pay_sellers()
        await world.pay_leader(CHEN)
        await world.set_target(EAST, "10000")
        sales = Sales(world)
        selling = [asyncio.create_task(sales.go_on_until_it_fails()) for _ in range(SELLERS)]
        await sales.more(deals)  # the cut comes at any moment of the next ones
        certain = list(sales.deals)
        with stopped_for_good(first):
            disk.keep()
        await end(selling)
    disk.unmount()
    disk.put_back()
    disk.mount()
    async with Stack(folder) as second, client(second, "admin") as http:
        again = World(second, http)
        again.units, again.members = world.units, world.members
        await whole(second)
        for deal in certain:
            assert (await again.get(f"/pipeline/v1/deals/{deal}"))["stage"] == "won"
        won = await again.won(EAST)
        assert won >= len(certain)
        assert Decimal(await again.revenue(EAST)) == AMOUNT * won
