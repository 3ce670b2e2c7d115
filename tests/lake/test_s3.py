"""A lake in an S3-compatible storage: its server, its certificates, and how others open it."""

import os
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import trustme
from pydantic import SecretStr
from tests.lake.lake_books import LakeBooks, load_extension, make_lake_settings
from tests.postgres import PASSWORD, PostgresServer
from tests.s3 import BUCKET, KEY, SECRET, S3Server

from p4books.errors import UsageError
from p4books.lake import LakeTrouble
from p4books.lake.attach import describe_attach
from p4books.lake.errors import LakeOccupied
from p4books.lake.s3 import find_login, find_server


@pytest.fixture
def in_s3(s3: str, tmp_path: Path, catalog: SecretStr, small_file: Path) -> LakeBooks:
    """A tenant whose lake is in an S3."""
    books = LakeBooks(make_lake_settings(tmp_path, catalog, s3), small_file)
    books.publish()
    return books


@pytest.fixture
def authority(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: str
) -> Iterator[Path]:
    """The certificate of an authority that nobody knows; the S3 is reached by TLS only."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA).configure_cert(context)
    file = tmp_path / "authority's.pem"
    authority.cert_pem.write_to_path(file)
    with s3_server.serve_tls(context) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield file


def open_elsewhere(sql: str) -> duckdb.DuckDBPyConnection:
    """Run the SQL that opens a lake in another DuckDB, with the logins of the tests."""
    login = f"key_id '{KEY}', secret '{SECRET}'"
    sql = re.sub(r"install aws;|load \w+;", "", sql)
    sql = re.sub(r"install (\w+);", load_extension, sql)
    con = duckdb.connect()
    os.environ["PGPASSWORD"] = PASSWORD
    try:
        con.execute(sql.replace("provider credential_chain", login))
    finally:
        del os.environ["PGPASSWORD"]
    return con


def test_occupied(
    in_s3: LakeBooks, s3: str, tmp_path: Path, postgres: PostgresServer, small_file: Path
) -> None:
    """A new lake is refused where files of another catalog are; those of other tenants are not."""
    in_s3.write_number()
    catalog = postgres.make_catalog()
    same, other = (
        LakeBooks(make_lake_settings(tmp_path / tenant, catalog, s3, tenant), small_file)
        for tenant in ("acme", "acm")
    )
    for each in (same, other):
        each.publish()

    with pytest.raises(LakeOccupied, match=f"files in s3://{BUCKET}/p4books/acme/, which another"):
        same.write()
    assert other.write_number() == 1
    assert in_s3.find_differences() == []


def test_attach(in_s3: LakeBooks, s3_server: S3Server) -> None:
    """The SQL for other programs leads to a server of one's own, and has no login."""
    in_s3.write_number()

    sql = describe_attach(in_s3.settings).sql

    host = s3_server.address.removeprefix("http://")
    assert (
        "create secret \"acme\" (type s3, provider credential_chain, region 'us-east-1', "
        f"endpoint '{host}', url_style 'path', use_ssl false, "
        f"scope 's3://{BUCKET}/p4books/acme/');" in sql
    )
    assert not re.search(rf"{SECRET}|{KEY}|{PASSWORD}|ca_cert_file", sql)
    with open_elsewhere(sql) as con:
        assert con.sql("select count(*) from core.sales").fetchall() == [(5000,)]


def test_attach_of_amazon(in_s3: LakeBooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon's own server needs no address."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    sql = describe_attach(in_s3.settings).sql

    assert f"(type s3, provider credential_chain, scope 's3://{BUCKET}/p4books/acme/');" in sql


ADDRESSES = {
    "https://s3.amazonaws.com": {},
    "https://s3.eu-west-1.amazonaws.com": {},
    "https://s3.dualstack.eu-west-1.amazonaws.com": {
        "endpoint": "'s3.dualstack.eu-west-1.amazonaws.com'",
        "use_ssl": "true",
    },
    "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com": {
        "endpoint": "'bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com'",
        "use_ssl": "true",
    },
    "https://notamazonaws.com:9000/": {
        "endpoint": "'notamazonaws.com:9000'",
        "url_style": "'path'",
        "use_ssl": "true",
    },
    "http://minio:9000": {
        "endpoint": "'minio:9000'",
        "url_style": "'path'",
        "use_ssl": "false",
    },
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_address(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB gets each address but its own; only other servers have buckets in their paths."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    assert find_server().options == {"region": "'eu-west-1'", **ADDRESSES[address]}


def test_china(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon's servers in China have a domain of their own, which DuckDB has to be given."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")

    assert find_server().options == {
        "region": "'cn-north-1'",
        "endpoint": "'s3.cn-north-1.amazonaws.com.cn'",
        "use_ssl": "true",
    }


MISTAKES = {
    "profile": {"AWS_PROFILE": "typo"},
    "no scheme": {"AWS_ENDPOINT_URL": "localhost:9000"},
    "password": {"AWS_ENDPOINT_URL": "https://me:s3cr3t@minio.example"},
    "region": {"AWS_DEFAULT_REGION": "eu west"},
    "file of settings": {"AWS_CONFIG_FILE": "broken"},
    "STS away": {"AWS_WEB_IDENTITY_TOKEN_FILE": "token"},
    "no token": {"AWS_WEB_IDENTITY_TOKEN_FILE": "nowhere"},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake(mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with the settings of S3 is one sentence, without a password."""
    (tmp_path / "broken").write_text("[default\nregion")
    (tmp_path / "token").write_text("eyJhbGciOiJub25lIn0.e30.")
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/books")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{unused.getsockname()[1]}")
        for name, value in MISTAKES[mistake].items():
            monkeypatch.setenv(name, value)
        with pytest.raises(
            UsageError, match=r"^(?:S3 cannot be used: |The address of).* Nothing was"
        ) as raised:
            _find_all()

    assert "s3cr3t" not in str(raised.value)


def _find_all() -> None:
    find_server()
    find_login()


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_authority(
    in_s3: LakeBooks, authority: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authority of one's own is trusted as Amazon's programs do, and by nobody else."""
    with pytest.raises(LakeTrouble, match=r"cannot be reached \(SSL .* Check AWS_CA_BUNDLE and"):
        in_s3.write()
    monkeypatch.setenv(variable, str(authority))

    in_s3.write_number()

    assert in_s3.find_differences() == []
    with open_elsewhere(describe_attach(in_s3.settings).sql) as con:
        assert con.sql("select count(*) from core.sales").fetchall() == [(5000,)]
