"""Object storage. Every object is named by the SHA-256 of its bytes, so that writing twice is harmless and
reading is checked.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from pipeline.config import StorageSettings
from pipeline.errors import ChartloomError, NotFound, ServiceUnavailable
from pipeline.store.transient import retry

CHUNK = 1 << 20
IN_MEMORY = 16 * CHUNK  # a larger file goes to the store in parts
CONNECT_SECONDS, READ_SECONDS = 5, 60
REGION = "us-east-1"  # given, so that the client does not ask the store for it first


class BlobDamaged(ChartloomError):
    """What the store gives back is not what its name says."""

    code = "blob_damaged"


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes, in hex, in bounded memory."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def key_of(sha256: str) -> str:
    """The object's key: two levels of folders, so that no listing grows too long."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


class Blobs:
    """The objects of one bucket. Raises ServiceUnavailable where the store does not answer."""

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @classmethod
    def connect(cls, settings: StorageSettings) -> Blobs:
        """Open the bucket, making it where it is missing; tries for `wait_seconds`."""
        assert settings.endpoint is not None, "the endpoint is known by now: embedded or configured"
        http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            maxsize=8,
            retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        )
        secret = settings.secret_key.get_secret_value() if settings.secret_key else None
        client = Minio(
            settings.endpoint,
            settings.access_key,
            secret,
            secure=settings.secure,
            http_client=http,
            region=REGION,
        )

        def open_bucket() -> Blobs:
            with translate_connection_errors(settings.endpoint):
                if not client.bucket_exists(settings.bucket):
                    client.make_bucket(settings.bucket)
            return cls(client, settings.bucket)

        return retry(open_bucket, for_seconds=settings.connect_timeout_seconds)

    def put(self, data: bytes) -> str:
        """Store bytes; return their SHA-256. Whether they are there already is not asked: it would cost a
        third of a put.

        The store answers with the MD5 of what it keeps; where it answers anything else the object is read
        back. Raises ServiceUnavailable where the store does not keep what it was given: it may do better later."""
        sha256 = hashlib.sha256(data).hexdigest()
        with translate_connection_errors():
            kept = self._client.put_object(self._bucket, key_of(sha256), io.BytesIO(data), len(data))
        if kept.etag != hashlib.md5(data, usedforsecurity=False).hexdigest():
            self._must_have(sha256)
        return sha256

    def put_made(self, file: Path) -> str:
        """Store a file of our making, of any size; return the SHA-256 of its bytes."""
        if file.stat().st_size <= IN_MEMORY:
            return self.put(file.read_bytes())
        sha256 = sha256_of(file)
        self.put_file(file, sha256)
        return sha256

    def put_file(self, file: Path, sha256: str) -> None:
        """Store a file's bytes under the hash it was found to have, and read them back; raises as `put`
        does.
        """
        size = file.stat().st_size
        with translate_connection_errors(), file.open("rb") as stream:
            if not self.exists(sha256, size):
                self._client.put_object(self._bucket, key_of(sha256), stream, size)
        self._must_have(sha256)

    def _must_have(self, sha256: str) -> None:
        """Read the object back that was just stored. Raises ServiceUnavailable where it is not there or has other
        bytes.
        """
        try:
            self.verify(sha256)
        except (BlobDamaged, NotFound) as error:
            raise ServiceUnavailable(
                "The object store does not keep what it is given.", "Look at its disk and its logs."
            ) from error

    def exists(self, sha256: str, size: int | None = None) -> bool:
        """Is the object there (and of that size)?"""
        with translate_connection_errors():
            try:
                found = self._client.stat_object(self._bucket, key_of(sha256))
            except S3Error as error:
                if error.code in ("NoSuchKey", "NoSuchObject"):
                    return False
                raise
            return size is None or found.size == size

    def get(self, sha256: str) -> bytes:
        """The object's bytes, checked against their name."""
        return b"".join(self.stream(sha256))

    def fetch(self, sha256: str, to: Path) -> None:
        """Write the object to a file, checked against its name."""
        with to.open("wb") as out:
            for chunk in self.stream(sha256):
                out.write(chunk)

    def verify(self, sha256: str) -> None:
        """Read the object back; BlobDamaged if its bytes are not those its name says."""
        for _ in self.stream(sha256):
            pass

    def stream(self, sha256: str) -> Iterator[bytes]:
        """The object's bytes in pieces; BlobDamaged after the last one if they are not what its name says."""
        digest = hashlib.sha256()
        with translate_connection_errors():
            try:
                response = self._client.get_object(self._bucket, key_of(sha256))
            except S3Error as error:
                if error.code in ("NoSuchKey", "NoSuchObject"):
                    raise NotFound(
                        f"The object {sha256} is not in the store.", "Run `chartloom doctor`."
                    ) from None
                raise
            try:
                for chunk in response.stream(CHUNK):
                    digest.update(chunk)
                    yield chunk
            finally:
                response.close()
                response.release_conn()
        if digest.hexdigest() != sha256:
            raise BlobDamaged(
                f"The object {sha256} has other bytes than its name says.",
                "Restore it from a copy; see docs/how-to/back-up.md.",
            )


@contextmanager
def translate_connection_errors(endpoint: str = "") -> Iterator[None]:
    """Turn what the client raises for a store that is away or refuses into ServiceUnavailable."""
    try:
        yield
    except (MinioException, HTTPError, OSError) as error:
        where = f" at {endpoint}" if endpoint else ""
        raise ServiceUnavailable(
            f"The object store{where} does not answer as it should: {error}.",
            "Start it, or correct storage.endpoint and its keys in the settings; `chartloom doctor` shows what is reachable.",
        ) from error
