"""Signed URLs name a bucket as the store wants it, and downloads are files to be saved."""

import email.message
import re
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import boto3
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.settings import Settings
from shared.storage.urls import UrlSigner, attachment
from tests.support.isolation import SETTINGS

KEY = "a b+c/1/ünï.bin"


def settings(**changes: Any) -> Settings:
    return Settings.model_validate(SETTINGS.model_dump() | changes)


def signed_by_us(found: Settings, bucket: str) -> str:
    signer = UrlSigner(found)
    return signer.get(bucket, KEY, object_version=None, ttl_seconds=900).url


def signed_by_boto3(found: Settings, bucket: str) -> str:
    client: Any = cast(Any, boto3).client(
        "s3",
        endpoint_url=f"{found.storage_public_scheme}://{found.storage_public_endpoint}",
        aws_access_key_id="unused",
        aws_secret_access_key="unused",
        aws_session_token="token",
        region_name="us-east-1",
        config=Config(signature_version="s3v4", s3={"addressing_style": found.minio_addressing}),
    )
    options = {"Bucket": bucket, "Key": KEY}
    return client.generate_presigned_url("get_object", Params=options, ExpiresIn=900)


@pytest.mark.parametrize("addressing", ["path", "virtual"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("bucket", ["models", "models.of.risk"])
def test_the_place_of_an_object_is_boto3s(addressing: str, scheme: str, bucket: str) -> None:
    found = settings(
        minio_public_endpoint="storage.example:9000",
        minio_public_scheme=scheme,
        minio_addressing=addressing,
        minio_session_token="token",
    )
    ours, theirs = urlsplit(signed_by_us(found, bucket)), urlsplit(signed_by_boto3(found, bucket))
    assert ours[:3] == theirs[:3], "scheme, host and path"
    assert dict(parse_qsl(ours.query))["X-Amz-Security-Token"] == "token"


def test_users_may_reach_storage_by_another_scheme_than_the_services() -> None:
    behind = settings(minio_secure=False, minio_public_scheme="https")
    assert signed_by_us(behind, "models").startswith("https://unused:9000/models/")


def test_a_name_is_told_in_ascii_and_whole() -> None:
    assert attachment("page.html") == (
        "attachment; filename=\"page.html\"; filename*=UTF-8''page.html"
    )
    assert attachment('ü "x";.html') == (
        "attachment; filename=\"_ _x__.html\"; filename*=UTF-8''%C3%BC%20%22x%22%3B.html"
    )


@given(st.text(min_size=1, max_size=100).filter(lambda name: name.isprintable()))
def test_any_name_comes_back_and_breaks_out_of_nothing(name: str) -> None:
    header = attachment(name)
    assert re.fullmatch(r"[\x20-\x7e]+", header)
    message = email.message.Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
    assert message.get_filename() is not None
    assert header.count('"') == 2
    assert header.count(";") == 2


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100))
def test_any_key_is_one_path_and_changes_nothing_else_of_a_signed_url(key: str) -> None:
    signer = UrlSigner(SETTINGS)
    signed = signer.get("models", f"m/1/{key}", object_version="v", ttl_seconds=60)
    assert re.fullmatch(r"[\x21-\x7e]+", signed.url)
    url = urlsplit(signed.url)
    assert (url.netloc, url.fragment) == ("unused:9000", "")
    assert unquote(url.path) == f"/models/m/1/{key}"
    query = parse_qs(url.query, strict_parsing=True)
    assert query["response-content-type"] == ["application/octet-stream"]
    assert query["versionId"] == ["v"]
    assert query["X-Amz-Expires"] == ["60"]
    assert sorted(query) == [
        *("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"),
        *("X-Amz-Signature", "X-Amz-SignedHeaders"),
        *("response-content-disposition", "response-content-encoding", "response-content-type"),
        "versionId",
    ]
    assert all(len(values) == 1 for values in query.values())
