"""Server of an S3-compatible storage, and the login to it, as Amazon's own programs find them.

They are in variables of the environment, in the files in ~/.aws, or in the role of the machine.
"""

import os
from dataclasses import dataclass
from typing import Any

from p4books.errors import UsageError
from p4books.storage.database import quote_literal
from p4books.storage.places import describe_failure

_AMAZON = ("amazonaws.com", "amazonaws.com.cn")
DEFAULT_REGION = "us-east-1"  # of those who name none


@dataclass(frozen=True)
class S3Server:
    """A server of S3: `options` of a secret of DuckDB by their names, as SQL.

    `certificates` is the file of the authorities that are trusted, None for those of the machine.
    """

    options: dict[str, str]
    certificates: str | None


def find_server() -> S3Server:
    """Find the server of S3 that the environment names; Amazon's has a region only, if that.

    Another one is taken for a server that has buckets in its paths, not in its names. Raises
    UsageError.
    """
    session = _open_session()
    address = _find_address(session)
    region = session.get_config_variable("region")
    options = {"region": quote_literal(region)} if region else {}
    scheme, _, host = address.partition("://")
    if not host.endswith(_AMAZON):
        is_tls = "true" if scheme == "https" else "false"
        options |= {"endpoint": quote_literal(host), "url_style": "'path'", "use_ssl": is_tls}
    # the second variable is what Amazon's programs fall back to
    certificates = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    return S3Server(options, certificates or None)


def find_login() -> dict[str, str]:
    """Find the login to S3, as options of a secret of DuckDB; none for a public bucket.

    Raises UsageError.
    """
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    session = _open_session()
    try:
        found = session.get_credentials()
    except BotoCoreError as error:
        raise _describe_error(error) from None
    if found is None:
        return {}
    keys = found.get_frozen_credentials()
    login = {"key_id": quote_literal(keys.access_key), "secret": quote_literal(keys.secret_key)}
    return login | ({"session_token": quote_literal(keys.token)} if keys.token else {})


def _open_session() -> Any:
    try:
        import botocore.session  # noqa: PLC0415 - 0.1 s, and only for S3
    except ImportError:
        raise UsageError(
            "S3 cannot be used without another package. Nothing was done. Install the extra: "
            "`pip install 'p4books[lake]'`."
        ) from None
    return botocore.session.get_session()


def _find_address(session: Any) -> str:
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    region = session.get_config_variable("region") or DEFAULT_REGION
    try:
        client = session.create_client("s3", region_name=region)
    except BotoCoreError as error:
        raise _describe_error(error) from None
    return str(client.meta.endpoint_url)


def _describe_error(error: Exception) -> UsageError:
    return UsageError(f"S3 cannot be used: {describe_failure(error)}")
