"""The embedded object store: SeaweedFS (`weed mini`), an S3 server on loopback.

HOME/seaweedfs is its folder. S3 requires the installation's keys. No other program can use the ports of its
parts (master, volume, filer): gRPC requires a client certificate of the installation, and HTTP is off or
requires a token signed with a key that only the server knows.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import urllib3
from pydantic import SecretStr

from pipeline.errors import MissingDependency, ServiceUnavailable
from pipeline.runtime import daemon
from pipeline.runtime.daemon import RunningService
from pipeline.runtime.os_user import OsUser, choose_os_user
from pipeline.runtime.secrets_file import Secrets

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 6.0  # a foreign connection left open makes it wait forever; its data survives a kill
LISTENERS = ("s3", "filer", "master", "volume", "admin")
PARTS = ("master", "volume", "filer", "s3", "admin", "worker", "client")
GO_MEMORY_LIMIT = "512MiB"
"""Above this the garbage collector works harder. The heap comes to 240 MB after the first writes (half
of it is never touched): with a limit of 256 MB it collected ten times a second continuously, at a sixth of a
core and 5 ms for each object put.
"""
GO_GC_PERCENT = "50"
"""Percent of the heap that may be garbage before it is collected: 212 MB resident after a thousand objects
instead of 363, for the same CPU (2.4 ms a put)."""
SWITCHED_OFF = (
    "-disableHttp=true", "-master.telemetry=false", "-admin.ui=false", "-webdav=false", "-s3.iam=false",
    "-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.preStopSeconds=0",
)  # fmt: skip


def weed_program() -> Path:
    """Return the program: next to this Python, or on the PATH."""
    next_to_python = Path(sys.executable).with_name("weed")
    found = str(next_to_python) if next_to_python.exists() else shutil.which("weed")
    if found is None:
        raise MissingDependency("weed", "pip install --require-hashes -r requirements.lock")
    return Path(found)


class SeaweedFS:
    """The object store of a home. The caller holds the home's lock."""

    name = "SeaweedFS"

    def __init__(self, home: Path, keys: Secrets) -> None:
        self._folder = home / "seaweedfs"
        self.lock = home / "run" / "seaweedfs.lock"
        self.log = home / "logs" / "seaweedfs.log"
        self._keys = keys

    def running(self) -> RunningService | None:
        """Return the server if it is running."""
        return daemon.running_service(self.lock)

    def address(self) -> dict[str, Any]:
        """Return the storage settings for it, with the port that it has or last had."""
        return {
            "endpoint": f"127.0.0.1:{daemon.last_ports(self.lock).get('s3', 0)}",
            "access_key": self._keys.s3_access,
            "secret_key": SecretStr(self._keys.s3_secret),
            "secure": False,
        }

    def spawn(self) -> RunningService:
        """Start the server without waiting for it."""
        account = choose_os_user(self._folder, weed_program())
        self._configure(account)
        names = [listener + kind for listener in LISTENERS for kind in ("", ".grpc")]
        ports = daemon.free_ports(names, daemon.last_ports(self.lock))
        argv = [
            *account.prefix, str(weed_program()), "-logtostderr=true", f"-config_dir={self._folder}", "mini",
            f"-dir={account.make_folder(self._folder / 'data')}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-s3.config={self._folder / 's3.json'}",
            *(f"-{listener}.port{kind}={ports[listener + kind]}"
              for listener in LISTENERS for kind in ("", ".grpc")),
            *SWITCHED_OFF,
        ]  # fmt: skip
        env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self._folder),
            "GOMEMLIMIT": GO_MEMORY_LIMIT,
            "GOGC": GO_GC_PERCENT,
        }
        return daemon.spawn(argv, lock=self.lock, ports=ports, log=self.log, cwd=Path("/"), env=env)

    def wait(self, service: RunningService) -> None:
        """Wait until S3 is ready. Raises ServiceUnavailable if the server ends or takes too long."""
        end = time.monotonic() + START_TIMEOUT_SECONDS
        http = urllib3.PoolManager(retries=False, timeout=2.0)
        while time.monotonic() < end and daemon.is_alive(service.pid):
            try:
                if http.request("GET", f"http://127.0.0.1:{service.ports['s3']}/healthz").status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(daemon.POLL_INTERVAL_SECONDS)
        raise ServiceUnavailable("The embedded SeaweedFS does not start.", f"See the end of {self.log}.")

    def stop(self, service: RunningService) -> bool:
        """Let the server write its data, then stop it. Return whether that was enough."""
        gently = daemon.stop(service, self.lock, signal.SIGTERM, signal.SIGINT, STOP_TIMEOUT_SECONDS)
        for port in service.ports.values():  # the server does not remove its local sockets
            for socket in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)
        return gently

    def _configure(self, account: OsUser) -> None:
        keys = self._keys
        certificate, key = self._folder / "tls.crt", self._folder / "tls.key"
        tables: dict[str, dict[str, str | Path]] = {
            "jwt.signing": {"key": keys.jwt_volume},
            "jwt.signing.read": {"key": keys.jwt_volume_read},
            "jwt.filer_signing": {"key": keys.jwt_filer},
            "jwt.filer_signing.read": {"key": keys.jwt_filer_read},
            "grpc": {"ca": certificate},
        }
        tables |= {f"grpc.{part}": {"cert": certificate, "key": key} for part in PARTS}
        account.write(certificate, keys.tls_certificate)
        account.write(key, keys.tls_key)
        account.write(
            self._folder / "security.toml",
            "".join(
                f"[{table}]\n"
                + "".join(f"{name} = {json.dumps(str(value))}\n" for name, value in entries.items())
                for table, entries in tables.items()
            ),
        )
        identity = {
            "name": "chartloom",
            "credentials": [{"accessKey": keys.s3_access, "secretKey": keys.s3_secret}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        account.write(self._folder / "s3.json", json.dumps({"identities": [identity]}))
