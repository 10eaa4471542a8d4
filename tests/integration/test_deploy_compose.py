"""The services of deploy/compose.yaml, run by the commands in it with the secrets of deploy/make-secrets.sh:
what they listen on needs TLS and credentials.
"""

from __future__ import annotations

import json
import shutil
import signal
import ssl
import subprocess
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import urllib3
import yaml  # type: ignore[import-untyped]
from psycopg.conninfo import make_conninfo

from pipeline.config import load_settings
from pipeline.config.listeners import exposures
from pipeline.resources import HOME_VARIABLE
from pipeline.runtime import daemon
from pipeline.runtime.os_user import choose_os_user
from pipeline.runtime.postgres import binaries
from pipeline.runtime.seaweedfs import LISTENERS, weed_program
from pipeline.store.blobs import Blobs
from tests.support.http2 import http2_context, speak_http2

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
START_SECONDS = 30.0
OBJECT = b"what a stranger must not read"


@dataclass(frozen=True)
class Deployment:
    """A copy of deploy/ with secrets. `folder` stands for the container's root."""

    folder: Path

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    def local(self, text: str) -> str:
        """Return an argument or a file's text with the paths of this machine."""
        text = text.replace("/run/secrets", str(self.secrets)).replace("=/data", f"={self.folder}/data")
        return text.replace("/etc/chartloom", str(self.folder))


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    folder = tmp_path_factory.mktemp("deploy") / "deploy"
    shutil.copytree(DEPLOY, folder, ignore=shutil.ignore_patterns("secrets", ".env"))
    ran = subprocess.run(
        [folder / "make-secrets.sh", "chartloom.hospital.example"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    security = folder / "secrets" / "store" / "security.toml"
    found = Deployment(folder)
    text = found.local(security.read_text(encoding="utf-8"))
    security.write_text(text, encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def store_ports(deployment: Deployment) -> Iterator[dict[str, int]]:
    """The ports of the running store."""
    service = COMPOSE["services"]["store"]
    names = [listener + kind for listener in LISTENERS for kind in ("", ".grpc")]
    ports = daemon.free_ports(names, {})
    arguments = [
        str(weed_program()),
        *(deployment.local(part) for part in service["entrypoint"][3:]),
        *(deployment.local(part) for part in service["command"]),
        *(f"-{name.replace('.grpc', '')}.port{'.grpc' * ('.grpc' in name)}={ports[name]}" for name in names),
    ]
    (deployment.folder / "data").mkdir()
    with (deployment.folder / "weed.log").open("wb") as log:
        running = subprocess.Popen(arguments, stdout=log, stderr=log, start_new_session=True)
    yield ports
    running.kill()
    running.wait()


@pytest.fixture(scope="module")
def blobs(deployment: Deployment, store_ports: dict[str, int]) -> Blobs:
    shipped = tomllib.loads((deployment.secrets / "chartloom" / "chartloom.toml").read_text(encoding="utf-8"))
    changes = shipped["storage"] | {
        "endpoint": f"localhost:{store_ports['s3']}",
        "ca": Path(deployment.local(shipped["storage"]["ca"])),
        "connect_timeout_seconds": START_SECONDS,
    }
    storage = load_settings().storage
    return Blobs.connect(type(storage).model_validate(storage.model_dump() | changes))


def test_the_store_keeps_objects_over_tls_and_shows_them_to_no_one_without_the_keys(
    deployment: Deployment, blobs: Blobs, store_ports: dict[str, int]
) -> None:
    sha256 = blobs.put(OBJECT)
    assert blobs.get(sha256) == OBJECT
    key = f"chartloom/{sha256[:2]}/{sha256[2:4]}/{sha256}"
    http = urllib3.PoolManager(
        retries=False, timeout=5, ca_certs=str(deployment.secrets / "chartloom" / "ca.pem")
    )
    for path in ("", "chartloom", key):
        answer = http.request("GET", f"https://localhost:{store_ports['s3']}/{path}")
        assert answer.status == 403
        assert OBJECT not in answer.data
    for part, paths in {
        "filer": ("", "buckets/", f"buckets/{key}"),
        "volume": ("", "1,01637037d6"),
        "master": ("dir/assign", "dir/lookup?volumeId=1", "vol/grow", "submit"),
        "admin": ("",),
    }.items():
        for path in paths:
            for verb in ("GET", "PUT", "POST", "DELETE"):
                assert is_refused(http, verb, f"http://localhost:{store_ports[part]}/{path}"), (part, path)


def is_refused(http: urllib3.PoolManager, verb: str, url: str) -> bool:
    try:
        answer = http.request(verb, url)
    except urllib3.exceptions.HTTPError:
        return True
    return answer.status >= 400 and OBJECT not in answer.data and "Authorization" not in answer.headers


@pytest.mark.parametrize("part", ["filer", "volume", "master", "s3"])
def test_the_internal_ports_of_the_store_require_its_own_certificate(
    blobs: Blobs, deployment: Deployment, store_ports: dict[str, int], part: str
) -> None:
    stranger, other = http2_context(), http2_context()
    files = deployment.secrets / "chartloom"
    other.load_cert_chain(files / "web.pem", files / "web.key")  # of the same authority as all services
    for context in (stranger, other):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            speak_http2(store_ports[f"{part}.grpc"], context)


@pytest.fixture(scope="module")
def postgres_port(deployment: Deployment) -> Iterator[int]:
    """The port of the running Postgres. It has the shipped rules, and no TLS: the embedded one is built
    without it.
    """
    data, files = deployment.folder / "pg", deployment.secrets / "postgres"
    account = choose_os_user(data, binaries() / "postgres")
    for path in (files, *files.iterdir()):
        account.give_ownership(path)
    subprocess.run(
        [*account.prefix, binaries() / "initdb", f"--pgdata={data}", "--username=chartloom",
         f"--pwfile={files / 'password'}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"],
        check=True, capture_output=True, cwd="/",
    )  # fmt: skip
    port = daemon.free_ports(["postgres"], {})["postgres"]
    _, *options = COMPOSE["services"]["postgres"]["command"]
    arguments = [*account.prefix, str(binaries() / "postgres"), "-D", str(data), "-p", str(port)]
    settings = [deployment.local(option) for option in options if not option.startswith(("-c", "ssl"))]
    arguments += [part for setting in (*settings, "unix_socket_directories=") for part in ("-c", setting)]
    with (deployment.folder / "postgres.log").open("wb") as log:
        running = subprocess.Popen(arguments, stdout=log, stderr=log, cwd="/")
    until = time.monotonic() + START_SECONDS
    while not is_ready(port):
        assert time.monotonic() < until, (deployment.folder / "postgres.log").read_text(encoding="utf-8")
        time.sleep(0.05)
    yield port
    running.send_signal(signal.SIGINT)
    running.wait()


def is_ready(port: int) -> bool:
    try:
        psycopg.connect(f"host=127.0.0.1 port={port} user=chartloom dbname=postgres sslmode=disable").close()
    except psycopg.OperationalError as error:
        return "pg_hba.conf" in str(error)
    return True


def test_postgres_refuses_a_connection_without_tls(deployment: Deployment, postgres_port: int) -> None:
    shipped = tomllib.loads((deployment.secrets / "chartloom" / "chartloom.toml").read_text(encoding="utf-8"))
    dsn = shipped["database"]["dsn"]
    assert "sslmode=verify-full" in dsn
    local = make_conninfo(dsn, hostaddr="127.0.0.1", port=postgres_port, dbname="postgres", sslmode="disable")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(local)
    assert "ssl=on" in COMPOSE["services"]["postgres"]["command"]


def test_the_shipped_settings_leave_no_address_open(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = deployment.secrets / "chartloom"
    monkeypatch.delenv(HOME_VARIABLE)
    assert exposures(load_settings(home)) == []


def test_no_secret_is_in_the_environment_or_readable_by_others(deployment: Deployment) -> None:
    secrets = {
        (deployment.secrets / "postgres" / "password").read_text(encoding="utf-8").strip(),
        *json.loads((deployment.secrets / "store" / "s3.json").read_text(encoding="utf-8"))["identities"][0][
            "credentials"
        ][0].values(),
    }
    assert all(len(secret) >= 64 for secret in secrets)
    for name in ("compose.yaml", "compose.env.example", "Dockerfile"):
        assert "PASSWORD=" not in (DEPLOY / name).read_text(encoding="utf-8")
    variables = {
        variable for service in COMPOSE["services"].values() for variable in service.get("environment", {})
    }
    assert variables == {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE", "POSTGRES_INITDB_ARGS"}
    assert [
        path for path in deployment.secrets.rglob("*") if path.is_file() and path.stat().st_mode & 0o077
    ] == []


def test_every_service_runs_as_a_user_of_its_own_with_no_right_to_gain_more() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "USER 10001:10001" in dockerfile
    for service in COMPOSE["services"].values():
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["image"] == "chartloom" or service["user"] == "999:999"
    for unit in (DEPLOY / "systemd").glob("*.service"):
        text = unit.read_text(encoding="utf-8")
        assert "User=chartloom" in text
        assert "UMask=0077" in text
        assert "0.0.0.0" not in text


def test_a_sender_of_adt_messages_gets_a_certificate_of_the_same_authority(deployment: Deployment) -> None:
    script = deployment.folder / "make-secrets.sh"
    subprocess.run([script, "sender", "engine"], check=True, capture_output=True)
    ca, own = deployment.secrets / "ca.pem", deployment.secrets / "senders" / "engine.pem"
    checked = subprocess.run(
        ["openssl", "verify", "-purpose", "sslclient", "-CAfile", ca, own], capture_output=True, text=True
    )
    assert checked.stdout.strip().endswith("OK")
