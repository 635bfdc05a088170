"""Signatures, read by the library of those who wrote the standard."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from shared import clock
from shared.ids import new_id
from shared.webhooks import signing

BODY = json.dumps({"name": "上海灯塔"}, ensure_ascii=False).encode()


def test_the_example_of_the_standard_is_signed_alike() -> None:
    key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    at = datetime.fromtimestamp(1_674_087_231, tz=UTC)
    expected = Webhook(key).sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", at, BODY.decode())
    secret = Webhook(key)._whsecret
    found = signing.headers("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_674_087_231, BODY, [secret])
    assert found["webhook-signature"] == expected
    assert signing.shown(secret) == key


@given(st.text(max_size=200))
def test_a_receiver_verifies_any_text(text: str) -> None:
    secret, body = signing.new_secret(), json.dumps(text).encode()
    headers = signing.headers(str(new_id()), int(clock.now().timestamp()), body, [secret])
    assert Webhook(signing.shown(secret)).verify(body, headers) == text


def test_both_secrets_of_a_rotation_verify_and_no_other_does() -> None:
    new, former, other = signing.new_secret(), signing.new_secret(), signing.new_secret()
    headers = signing.headers(str(new_id()), int(clock.now().timestamp()), BODY, [new, former])
    for secret in (new, former):
        assert Webhook(signing.shown(secret)).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.shown(other)).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.shown(new)).verify(BODY + b" ", headers)


def test_secrets_have_as_many_bytes_as_the_standard_asks_for_and_none_comes_twice() -> None:
    made = {signing.new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(24 <= len(secret) <= 64 for secret in made)
