"""The files of a deployment: what can be known of them without starting containers or services."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from arena.cli import command as arena_command
from arena.server.settings import PREFIX, ServerSettings, load_settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
KNOWN = {
    *("image", "build", "restart", "security_opt", "cap_drop", "shm_size", "environment", "volumes", "healthcheck"),
    *("command", "ports", "stop_grace_period", "depends_on", "profiles", "deploy"),
}
"""The keys of the Compose specification that we use: another one is a slip."""
PG_DUMP = {"bookworm": 15, "trixie": 17}
"""Of Debian's releases: it refuses servers that are newer."""
OURS = [name for name in SERVICES if name != "postgres"]


def option_names(words):
    """The options of the command that these words name."""
    command = arena_command()
    for word in words:
        command = command.commands[word]
    return {option for parameter in command.params for option in parameter.opts}


def test_the_services_are_those_of_a_server_a_database_and_a_cluster():
    assert list(SERVICES) == ["postgres", "ray-head", "server", "cpu-worker", "gpu-worker"]
    assert all(service.keys() <= KNOWN for service in SERVICES.values())
    assert set(COMPOSE["volumes"]) == {"database", "kept"}


@pytest.mark.parametrize("name", ["postgres", "ray-head", "server"])
def test_every_service_that_others_wait_for_says_whether_it_is_well(name):
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= check.keys()


@pytest.mark.parametrize("name", OURS)
def test_our_services_have_no_privileges(name):
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    assert SERVICES[name]["environment"]["RAY_AUTH_MODE"] == "token"


def test_a_service_waits_only_for_services_that_say_whether_they_are_well():
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[other]


def test_the_server_is_seen_by_its_own_machine_alone_and_is_started_as_the_command_line_allows():
    assert SERVICES["server"]["ports"] == ["127.0.0.1:8000:8000"]
    words = SERVICES["server"]["command"]
    assert words[:2] == ["arena", "serve"]
    assert {word for word in words if word.startswith("--")} <= option_names(["serve"])


def test_what_the_environment_sets_are_settings_of_the_server_for_other_commands_in_the_container_too(monkeypatch):
    named = dict(re.findall(rf"({PREFIX}\w+)=(\S+)", DOCKERFILE))
    named |= {key: value for key, value in SERVICES["server"]["environment"].items() if key.startswith(PREFIX)}
    assert {key.removeprefix(PREFIX).lower() for key in named} <= ServerSettings.model_fields.keys()
    for key, value in named.items():
        monkeypatch.setenv(key, re.sub(r"\$\{\w+:-\}", "", value))  # as where .env does not name it
    settings = load_settings(None)
    assert (settings.host, settings.public_url, settings.trusted_proxies) == ("0.0.0.0", "", ())
    assert settings.executor == "ray://ray-head:10001"


def test_a_backup_in_the_image_can_copy_the_database_beside_it():
    (debian,) = re.findall(r"^FROM python:3\.11-slim-(\w+)$", DOCKERFILE, re.MULTILINE)
    (server,) = re.findall(r"^postgres:(\d+)$", SERVICES["postgres"]["image"])
    assert PG_DUMP[debian] >= int(server)


def test_the_image_runs_as_nobody_special_and_holds_what_it_copies():
    lines = DOCKERFILE.splitlines()
    assert "USER arena" in lines
    ignored = (ROOT / ".dockerignore").read_text()
    for source in (word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]):
        assert (ROOT / source).exists()
        assert f"!{source}\n" in ignored


def test_the_image_has_what_the_pages_of_a_server_offer():
    (extras,) = re.findall(r'"\.\[(.*)\]"', DOCKERFILE)
    assert set(extras.split(",")) == {"postgres", "ray", "figures"}


def test_the_unit_starts_a_command_that_there_is():
    unit = (ROOT / "deploy" / "arena.service").read_text()
    (line,) = re.findall(r"^ExecStart=/opt/arena/bin/(.*)$", unit, re.MULTILINE)
    words = shlex.split(line)
    assert words[:2] == ["arena", "serve"]
    assert {word for word in words if word.startswith("--")} <= option_names(["serve"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_every_line_of_the_unit(tmp_path):
    unit = (ROOT / "deploy" / "arena.service").read_text().replace("/opt/arena/bin/arena", "/bin/true")
    (tmp_path / "arena.service").write_text(unit)
    checked = subprocess.run(["systemd-analyze", "verify", tmp_path / "arena.service"], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
