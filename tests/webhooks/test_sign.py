"""Signatures, checked with the library that receivers use."""

import json
from datetime import UTC, datetime

import pytest
import standardwebhooks

from sendigopro.webhooks.sign import key_of, new_secret, signatures

BODY = '{"type":"message.delivered","data":{"body":"Grüße 👋"}}'.encode()


def headers(secrets: list[str], body: bytes = BODY) -> dict[str, str]:
    stamp = str(int(datetime.now(UTC).timestamp()))
    signed = signatures([key_of(secret) for secret in secrets], b"evt_1", stamp.encode(), body)
    return {"webhook-id": "evt_1", "webhook-timestamp": stamp, "webhook-signature": signed.decode()}


def test_the_standard_library_of_receivers_accepts_our_signature() -> None:
    secret = new_secret()

    assert standardwebhooks.Webhook(secret).verify(BODY, headers([secret])) == json.loads(BODY)


def test_during_rotation_either_secret_verifies() -> None:
    old, new = new_secret(), new_secret()

    for secret in (old, new):
        assert standardwebhooks.Webhook(secret).verify(BODY, headers([new, old])) == json.loads(BODY)


def test_another_secret_or_a_changed_body_does_not_verify() -> None:
    secret = new_secret()

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new_secret()).verify(BODY, headers([secret]))
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(BODY + b" ", headers([secret]))


def test_the_known_example_of_the_specification_is_met() -> None:
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'

    assert signatures([key], b"msg_p5jXN8AQM9LWM0D4loKWxJek", b"1614265330", body) == (
        b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_secrets_are_long_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert all(secret.startswith("whsec_") and len(key_of(secret)) == 32 for secret in secrets)
