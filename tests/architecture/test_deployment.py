"""What is installed is what is locked, and every service is wherever the others are."""

import re

import pytest

from tests.architecture.source import ROOT

SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/service.py"))
LOCKS = ("requirements.lock", "requirements-dev.lock")
PIN = re.compile(
    r"[a-z0-9][a-z0-9._-]*==\S+( ; [^\\]+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+"
)


def text(path: str) -> str:
    """Return a file of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def is_lock(content: str) -> bool:
    """Tell whether a text is nothing but names, versions, conditions and hashes."""
    return bool(content) and PIN.sub("", content) == ""


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_pins_and_hashes_and_no_address(lock: str) -> None:
    assert is_lock(text(lock))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "asyncpg==0.30.0\n",
        f"--index-url address\nasyncpg==0.30.0 \\\n    --hash=sha256:{'0' * 64}\n",
        f"asyncpg @ address \\\n    --hash=sha256:{'0' * 64}\n",
        f"asyncpg>=0.30.0 \\\n    --hash=sha256:{'0' * 64}\n",
    ],
)
def test_anything_else_in_a_lock_is_found(content: str) -> None:
    assert not is_lock(content)


def test_what_runs_is_locked_alike_for_development() -> None:
    running, developing = (
        set(re.findall(r"^\S+==\S+", text(lock), re.MULTILINE)) for lock in LOCKS
    )
    assert running < developing


@pytest.mark.parametrize("service", SERVICES)
def test_compose_runs_a_service_after_its_migration(service: str) -> None:
    compose = text("docker-compose.yml")
    assert f"command: [serve, {service}, " in compose
    assert f"command: [migrate, {service}]" in compose
    assert f"{service}-migration: {{condition: service_completed_successfully}}" in compose
    assert f'"{service}": "http://{service}:8000"' in compose


@pytest.mark.parametrize("service", SERVICES)
def test_the_gateway_and_the_database_know_a_service(service: str) -> None:
    routed = re.search(r"\?<name>([a-z|]+)\)", text("deploy/docker/gateway.conf"))
    assert routed is not None
    assert service in routed.group(1).split("|")
    assert f"create {service} " in text("deploy/docker/create-services.sh")


def test_every_setting_of_compose_is_explained_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(PHAROS_\w+)", text("docker-compose.yml")))
    explained = set(re.findall(r"^(PHAROS_\w+)=", text("deploy/docker/example.env"), re.MULTILINE))
    assert asked == explained


def test_the_image_is_not_run_by_root_and_installs_only_what_is_locked() -> None:
    dockerfile = text("deploy/docker/Dockerfile")
    assert re.search(r"^USER 1\d+:1\d+$", dockerfile, re.MULTILINE)
    for install in re.findall(r"pip install (.*)$", dockerfile, re.MULTILINE):
        assert "--no-deps" in install
        assert "--require-hashes" in install or "--no-build-isolation" in install
