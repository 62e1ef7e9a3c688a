"""Wrapping keys in AWS KMS: usable only through the service, disabled at once and destroyed after its waiting time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sendigopro.vault.keys import KeyStoreError
from sendigopro.vault.root import Level

WAITING_DAYS = 7  # the shortest that KMS allows (API reference, ScheduleKeyDeletion)
GONE = {"KMSInvalidStateException", "NotFoundException"}  # disabled, about to be deleted, or deleted
CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


class AwsKmsKeeper:
    """Region, credentials and endpoint are found as every AWS program finds them (AWS_REGION, roles, …)."""

    level = Level(
        "aws-kms",
        is_for_production=True,
        days_until_destroyed=WAITING_DAYS,
        told=f"Wrapping keys are disabled at once and destroyed after {WAITING_DAYS} days: until then an administrator "
        "of the AWS account could bring one back, and receipts say so.",
    )

    def __init__(self) -> None:
        with _told():
            self._kms: Any = boto3.client("kms", config=CONFIG)  # made at run time: it has no type of its own

    def make(self, label: str) -> str:
        with _told():
            made = self._kms.create_key(
                Description=label, KeySpec="SYMMETRIC_DEFAULT", Tags=[{"TagKey": "sendigopro", "TagValue": label}]
            )
        return str(made["KeyMetadata"]["KeyId"])

    def wrap(self, key_name: str, clear: bytes) -> bytes:
        with _told():
            return bytes(self._kms.encrypt(KeyId=key_name, Plaintext=clear)["CiphertextBlob"])

    def unwrap(self, key_name: str, wrapped: bytes) -> bytes:
        with _told():
            return bytes(self._kms.decrypt(KeyId=key_name, CiphertextBlob=wrapped)["Plaintext"])

    def destroy(self, key_name: str) -> None:
        try:
            with _told():
                self._kms.disable_key(KeyId=key_name)
                self._kms.schedule_key_deletion(KeyId=key_name, PendingWindowInDays=WAITING_DAYS)
        except KeyStoreError as error:
            if not (isinstance(error.__cause__, ClientError) and _code(error.__cause__) in GONE):
                raise


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise KeyStoreError(
            f"AWS KMS refuses ({_code(error)}): see that the keys of the root are enabled and allowed to this role. An "
            "old copy of the root cannot be opened: put the newest files of the key store back."
        ) from error
    except BotoCoreError as error:
        raise KeyStoreError(
            f"AWS KMS cannot be reached ({type(error).__name__}): set AWS_REGION and credentials."
        ) from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "?"))
