"""Server of an S3-compatible storage, and the login to it, as Amazon's own programs find them.

They are in variables of the environment, in the files in ~/.aws, or in the role of the machine.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from p4books.errors import UsageError, end_sentence
from p4books.storage.database import quote_literal
from p4books.storage.places import describe_failure, refuse_login

_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")
DEFAULT_REGION = "us-east-1"  # of those who name none


@dataclass(frozen=True)
class S3Server:
    """A server of S3: `options` of a secret of DuckDB by their names, as SQL.

    `certificates` is the file of the authorities that are trusted, None for those of the machine.
    """

    options: dict[str, str]
    certificates: str | None


def find_server() -> S3Server:
    """Find the server of S3 that the environment names; without an address if DuckDB knows it.

    One that is not Amazon's is taken for a server that has buckets in its paths, not in its names.
    Raises UsageError.
    """
    with _open_session() as session:
        region = session.get_config_variable("region")
        client = session.create_client("s3", region_name=region or DEFAULT_REGION)
        bundle = session.get_config_variable("ca_bundle")
    options = {"region": quote_literal(region)} if region else {}
    options |= _describe_address(str(client.meta.endpoint_url), region or DEFAULT_REGION)
    # the second variable is what Amazon's programs fall back to
    return S3Server(options, bundle or os.environ.get("REQUESTS_CA_BUNDLE") or None)


def find_login() -> dict[str, str]:
    """Find the login to S3, as options of a secret of DuckDB; none for a public bucket.

    Raises UsageError.
    """
    with _open_session() as session:
        found = session.get_credentials()
        keys = found and found.get_frozen_credentials()  # may ask a server for them
    if not keys:
        return {}
    login = {"key_id": quote_literal(keys.access_key), "secret": quote_literal(keys.secret_key)}
    return login | ({"session_token": quote_literal(keys.token)} if keys.token else {})


def _describe_address(address: str, region: str) -> dict[str, str]:
    """Return the options for an address; none for that which DuckDB uses by itself."""
    refuse_login(address)
    if address in {f"https://s3.{region}.amazonaws.com", "https://s3.amazonaws.com"}:
        return {}
    scheme, _, host = address.rstrip("/").partition("://")
    style = {} if host.partition(":")[0].endswith(_AMAZON) else {"url_style": "'path'"}
    is_tls = "true" if scheme == "https" else "false"
    return {"endpoint": quote_literal(host), **style, "use_ssl": is_tls}


@contextmanager
def _open_session() -> Iterator[Any]:
    """Open a session of Amazon's programs, and turn whatever fails within it into UsageError."""
    try:
        import botocore.session  # noqa: PLC0415 - 0.1 s, and only for S3
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "S3 cannot be used without another package. Nothing was done. Install the extra: "
            "`pip install 'p4books[lake]'`."
        ) from None
    try:
        yield botocore.session.get_session()
    except (BotoCoreError, ClientError, ValueError, OSError) as error:
        raise UsageError(
            f"S3 cannot be used: {end_sentence(describe_failure(error))} Nothing was done. Check "
            "the variables AWS_… of the environment, and the files in ~/.aws."
        ) from None
