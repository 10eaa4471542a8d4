"""No object can be read or written without the installation's keys, on any port of the store."""

from __future__ import annotations

import io
import ssl
from collections.abc import Iterator

import pytest
import urllib3
from minio import Minio
from minio.error import S3Error

from pipeline.config import Settings
from pipeline.runtime.installation import EmbeddedServices
from pipeline.store.blobs import Blobs, object_key
from tests.support.http2 import http2_context, speak_http2

SECRET = b"what nobody else may read"


@pytest.fixture
def ports(embedded: EmbeddedServices) -> dict[str, int]:
    assert embedded.seaweedfs is not None
    found = embedded.seaweedfs.running()
    assert found is not None
    return dict(found.ports)


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=5) as pool:
        yield pool


def test_the_store_accepts_only_its_keys(blobs: Blobs, ports: dict[str, int]) -> None:
    blobs.put(SECRET)
    for access, secret in ((None, None), ("guess", "guessguess")):
        with pytest.raises(S3Error):
            list(
                Minio(
                    f"127.0.0.1:{ports['s3']}", access, secret, secure=False, region="us-east-1"
                ).list_buckets()
            )


@pytest.mark.parametrize("port", ["s3", "filer", "volume", "master", "admin"])
def test_no_port_allows_reading_or_writing_an_object_without_a_key(
    port: str, blobs: Blobs, settings: Settings, ports: dict[str, int], http: urllib3.PoolManager
) -> None:
    sha256 = blobs.put(SECRET)
    bucket, key = settings.storage.bucket, object_key(sha256)
    for path in (
        f"buckets/{bucket}/{key}",
        f"{bucket}/{key}",
        "1,0123456789",
        "buckets/?pretty=y",
        f"buckets/{bucket}/new",
    ):
        got = http.request("GET", f"http://127.0.0.1:{ports[port]}/{path}")
        assert got.status >= 400
        assert SECRET not in got.data
        for verb in ("PUT", "POST", "DELETE"):
            assert http.request(verb, f"http://127.0.0.1:{ports[port]}/{path}", body=b"changed").status >= 400
    assert blobs.get(sha256) == SECRET


@pytest.mark.parametrize(
    "path", ["dir/assign", "dir/lookup?volumeId=1", "submit", "vol/grow", "col/delete?collection=x"]
)
def test_the_master_assigns_no_location_to_write_to(
    path: str, ports: dict[str, int], http: urllib3.PoolManager
) -> None:
    for verb in ("GET", "POST"):
        answer = http.request(verb, f"http://127.0.0.1:{ports['master']}/{path}")
        assert answer.status >= 400
        assert "Authorization" not in answer.headers


@pytest.mark.parametrize("part", ["filer", "volume", "master", "s3"])
def test_the_internal_ports_require_the_installations_certificate(part: str, ports: dict[str, int]) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        speak_http2(ports[f"{part}.grpc"], http2_context())


def test_a_large_object_is_returned_unchanged(blobs: Blobs) -> None:
    data = io.BytesIO()
    for number in range(300_000):
        data.write(number.to_bytes(32, "big"))
    assert blobs.get(blobs.put(data.getvalue())) == data.getvalue()
