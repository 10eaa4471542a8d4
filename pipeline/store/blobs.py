"""Object storage. Every object is named by the SHA-256 of its bytes: writing it twice is harmless and reading
it is checked."""

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

CHUNK_BYTES = 1 << 20
MAX_IN_MEMORY_BYTES = 16 * CHUNK_BYTES
"""A larger file is uploaded in parts."""
CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS = 5, 60
REGION = "us-east-1"
"""Set so that the client does not query the store for it first."""


class BlobDamaged(ChartloomError):
    """The bytes of an object do not match its name."""

    code = "blob_damaged"


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex, using bounded memory."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def object_key(sha256: str) -> str:
    """Return an object's key: two levels of folders keep every listing short."""
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


class Blobs:
    """The objects of one bucket. Every method raises ServiceUnavailable if the store does not respond."""

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @classmethod
    def connect(cls, settings: StorageSettings) -> Blobs:
        """Open the bucket, creating it if it is missing; retry for `connect_timeout_seconds`."""
        endpoint = settings.endpoint
        assert endpoint is not None, "the installation sets the endpoint, embedded or configured"
        http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=READ_TIMEOUT_SECONDS),
            maxsize=8,
            retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(settings.ca) if settings.ca else None,
        )
        secret = settings.secret_key.get_secret_value() if settings.secret_key else None
        client = Minio(
            endpoint,
            settings.access_key,
            secret,
            secure=settings.secure,
            http_client=http,
            region=REGION,
        )

        def open_bucket() -> Blobs:
            with translate_connection_errors(endpoint):
                if not client.bucket_exists(settings.bucket):
                    client.make_bucket(settings.bucket)
            return cls(client, settings.bucket)

        return retry(open_bucket, for_seconds=settings.connect_timeout_seconds)

    def put(self, data: bytes) -> str:
        """Store bytes and return their SHA-256.

        An existing object is written again: checking for it would cost a third of a put. If the store does
        not return the MD5 of the bytes, the object is read back.

        Raises:
            ServiceUnavailable: The store does not keep the bytes as sent.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        with translate_connection_errors():
            stored = self._client.put_object(self._bucket, object_key(sha256), io.BytesIO(data), len(data))
        if stored.etag != hashlib.md5(data, usedforsecurity=False).hexdigest():
            self._verify_stored(sha256)
        return sha256

    def put_generated(self, file: Path) -> str:
        """Store a generated file of any size and return the SHA-256 of its bytes."""
        if file.stat().st_size <= MAX_IN_MEMORY_BYTES:
            return self.put(file.read_bytes())
        sha256 = sha256_of(file)
        self.put_file(file, sha256)
        return sha256

    def put_file(self, file: Path, sha256: str) -> None:
        """Store a file under its known hash and read it back; raise as `put` does."""
        size = file.stat().st_size
        with translate_connection_errors(), file.open("rb") as stream:
            if not self.exists(sha256, size):
                self._client.put_object(self._bucket, object_key(sha256), stream, size)
        self._verify_stored(sha256)

    def _verify_stored(self, sha256: str) -> None:
        """Read back an object that was just stored; raise ServiceUnavailable if it is missing or differs."""
        try:
            self.verify(sha256)
        except (BlobDamaged, NotFound) as error:
            raise ServiceUnavailable(
                "The object store does not keep the bytes as sent.", "Check its disk and its logs."
            ) from error

    def exists(self, sha256: str, size: int | None = None) -> bool:
        """Return whether the object exists (and has that size, in bytes)."""
        with translate_connection_errors():
            try:
                status = self._client.stat_object(self._bucket, object_key(sha256))
            except S3Error as error:
                if error.code in ("NoSuchKey", "NoSuchObject"):
                    return False
                raise
            return size is None or status.size == size

    def get(self, sha256: str) -> bytes:
        """Return the object's bytes, checked against its name."""
        return b"".join(self.stream(sha256))

    def fetch(self, sha256: str, to: Path) -> None:
        """Write the object to a file, checked against its name."""
        with to.open("wb") as out:
            for chunk in self.stream(sha256):
                out.write(chunk)

    def verify(self, sha256: str) -> None:
        """Read the object and raise BlobDamaged if its bytes do not match its name."""
        for _ in self.stream(sha256):
            pass

    def stream(self, sha256: str) -> Iterator[bytes]:
        """Yield the object's bytes in chunks; raise BlobDamaged after the last one if they do not match its
        name.
        """
        digest = hashlib.sha256()
        with translate_connection_errors():
            try:
                response = self._client.get_object(self._bucket, object_key(sha256))
            except S3Error as error:
                if error.code in ("NoSuchKey", "NoSuchObject"):
                    raise NotFound(
                        f"The object {sha256} is not in the store.", "Run `chartloom doctor`."
                    ) from None
                raise
            try:
                for chunk in response.stream(CHUNK_BYTES):
                    digest.update(chunk)
                    yield chunk
            finally:
                response.close()
                response.release_conn()
        if digest.hexdigest() != sha256:
            raise BlobDamaged(
                f"The bytes of object {sha256} do not match its name.",
                "Restore it from a backup; see docs/how-to/back-up.md.",
            )


@contextmanager
def translate_connection_errors(endpoint: str = "") -> Iterator[None]:
    """Raise ServiceUnavailable for what the client raises if the store is unreachable or refuses."""
    try:
        yield
    except (MinioException, HTTPError, OSError) as error:
        location = f" at {endpoint}" if endpoint else ""
        raise ServiceUnavailable(
            f"The object store{location} does not respond as expected: {error}.",
            "Start it, or correct storage.endpoint and its keys in the settings; `chartloom doctor` shows "
            "what is reachable.",
        ) from error
