"""An S3 on this machine, which can go away and come back."""

from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLContext
from threading import Thread
from typing import Any

KEY, SECRET = "AKIAEXAMPLE", "example-secret-of-s3"
BUCKET = "books"


class S3Server:
    """An S3 with a bucket, in a thread of this process; what it holds survives a stop."""

    def __init__(self) -> None:
        self._port = 0
        self.start()
        self._make_bucket()

    @property
    def address(self) -> str:
        """The address that clients need."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def variables(self) -> dict[str, str]:
        """The variables of the environment by which clients find it."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Begin to answer, on the same port as before."""
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - a second that few tests need

        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()
        self._port = self._server.get_host_and_port()[1]

    def stop(self) -> None:
        """Answer no more."""
        self._server.stop()

    @contextmanager
    def serve_tls(self, context: SSLContext) -> Iterator[str]:
        """Answer on another port, too, over TLS; yield the address."""
        from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
            DomainDispatcherApplication,
            create_backend_app,
        )
        from werkzeug.serving import make_server  # noqa: PLC0415

        app = DomainDispatcherApplication(create_backend_app)
        server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.port}"
        server.shutdown()
        thread.join()
        server.server_close()

    def empty(self) -> None:
        """Delete all that the bucket has, also of another server of this process."""
        self._open_bucket().objects.delete()

    def _make_bucket(self) -> None:
        self._open_bucket().create()

    def _open_bucket(self) -> Any:
        import boto3  # noqa: PLC0415 - a second that few tests need

        s3 = boto3.resource(
            "s3",
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )
        return s3.Bucket(BUCKET)


@contextmanager
def run_s3() -> Iterator[S3Server]:
    """Run an S3 with a bucket."""
    server = S3Server()
    try:
        yield server
    finally:
        server.stop()
