"""What wraps the root: in files, in a security module, in a cloud's key service; each keeps its level's promises."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from sendigopro import settings
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.vault.key_store import keeper_of, open_key_store
from sendigopro.vault.keys import KeyErasedError, KeyStoreError
from sendigopro.vault.root import Keeper
from sendigopro.vault.tree import KeyTree
from tests.peers import places

TOKEN, PIN = "sendigopro-test", "314159"
AS_ONE_PROCESS_MORE = Callable[[], Keeper]


def keeper_from(environment: dict[str, str], folder: Path) -> Keeper:
    chosen = settings.read({"SENDIGOPRO_DATA_DIR": str(folder), **environment})
    return keeper_of(chosen, [folder / "keeper"])


@pytest.fixture
def file_keeper(tmp_path: Path) -> AS_ONE_PROCESS_MORE:
    return lambda: keeper_from({"SENDIGOPRO_ROOT": "file"}, tmp_path)


@pytest.fixture(scope="module")
def security_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """SoftHSM with a fresh token, as an operator would set it up. A process loads it once, with one configuration."""
    library = places.softhsm()
    if library is None:
        assert not os.environ.get("CI"), "SoftHSM is missing: run tests/peers/install.py"
        pytest.skip("SoftHSM is not installed")
    folder = tmp_path_factory.mktemp("security-module")
    (folder / "tokens").mkdir()
    configuration, pin_file = folder / "softhsm2.conf", folder / "pin"
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    pin_file.write_text(f"{PIN}\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SOFTHSM2_CONF", str(configuration))
        program = library.parents[2] / "bin/softhsm2-util"
        subprocess.run(
            [program, "--module", library, "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", PIN],
            env=places.environment(),
            capture_output=True,
            check=True,
            timeout=30,
        )
        yield {
            "SENDIGOPRO_ROOT": "pkcs11",
            "SENDIGOPRO_PKCS11_MODULE": str(library),
            "SENDIGOPRO_PKCS11_TOKEN": TOKEN,
            "SENDIGOPRO_PKCS11_PIN_FILE": str(pin_file),
        }


@pytest.fixture
def pkcs11_keeper(security_module: dict[str, str], tmp_path: Path) -> AS_ONE_PROCESS_MORE:
    return lambda: keeper_from(security_module, tmp_path)


@pytest.fixture
def key_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Moto's AWS KMS on loopback, found through AWS's own variables."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://{host}:{port}")
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def kms_keeper(key_service: str, tmp_path: Path) -> AS_ONE_PROCESS_MORE:
    assert key_service
    return lambda: keeper_from({"SENDIGOPRO_ROOT": "aws-kms"}, tmp_path)


@pytest.fixture(params=["file_keeper", "pkcs11_keeper", "kms_keeper"])
def open_keeper(request: pytest.FixtureRequest) -> AS_ONE_PROCESS_MORE:
    opened: AS_ONE_PROCESS_MORE = request.getfixturevalue(request.param)
    return opened


def test_what_one_process_wraps_another_opens_and_nothing_stands_in_it_in_clear(
    open_keeper: AS_ONE_PROCESS_MORE,
) -> None:
    root = bytes(range(32))
    here = open_keeper()
    name = here.make("label")
    wrapped = here.wrap(name, root)

    assert root not in wrapped
    assert open_keeper().unwrap(name, wrapped) == root


def test_a_key_tree_forgets_under_every_keeper_and_other_processes_go_on(
    open_keeper: AS_ONE_PROCESS_MORE, tmp_path: Path
) -> None:
    here = KeyTree([tmp_path / "keys"], open_keeper())
    here.take_block(0)
    there = KeyTree([tmp_path / "keys"], open_keeper())
    before = there.key(6)
    wrapped_by = here.root.wrapped_by

    here.erase([5])
    there.look()

    assert there.key(6) == before
    assert there.root.generation == 2
    assert there.root.wrapped_by != wrapped_by
    assert there.root.dying == ""
    with pytest.raises(KeyErasedError):
        there.key(5)


@pytest.mark.parametrize("name", ["file_keeper", "pkcs11_keeper"])
def test_a_destroyed_wrapping_key_opens_no_copy_of_the_old_root_and_dies_once(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    open_keeper: AS_ONE_PROCESS_MORE = request.getfixturevalue(name)
    tree = KeyTree([tmp_path / "keys"], open_keeper())
    tree.take_block(0)
    shutil.copytree(tmp_path / "keys", tmp_path / "before")
    old = tree.root.wrapped_by
    tree.erase([5])

    with pytest.raises(KeyStoreError, match="old copy"):
        KeyTree([tmp_path / "before"], open_keeper())
    open_keeper().destroy(old)


def test_in_the_key_service_what_wrapped_the_old_root_is_disabled_and_waits_for_its_deletion(
    kms_keeper: AS_ONE_PROCESS_MORE, tmp_path: Path
) -> None:
    """Moto lets a disabled key decrypt, which the service does not; the state of the key is what can be seen here."""
    tree = KeyTree([tmp_path / "keys"], kms_keeper())
    tree.take_block(0)
    old = tree.root.wrapped_by

    tree.erase([5])
    kms_keeper().destroy(old)

    state = boto3.client("kms").describe_key(KeyId=old)["KeyMetadata"]
    assert (state["Enabled"], state["KeyState"]) == (False, "PendingDeletion")
    assert (state["DeletionDate"] - state["CreationDate"]).days in {6, 7}
    assert boto3.client("kms").describe_key(KeyId=tree.root.wrapped_by)["KeyMetadata"]["KeyState"] == "Enabled"


def test_each_level_says_what_its_forgetting_is_worth(
    file_keeper: AS_ONE_PROCESS_MORE, pkcs11_keeper: AS_ONE_PROCESS_MORE, kms_keeper: AS_ONE_PROCESS_MORE
) -> None:
    levels = [open_keeper().level for open_keeper in (file_keeper, pkcs11_keeper, kms_keeper)]

    assert [(level.name, level.is_for_production, level.days_until_destroyed) for level in levels] == [
        ("file", False, 0),
        ("pkcs11", True, 0),
        ("aws-kms", True, 7),
    ]


def test_a_store_is_not_opened_with_another_keeper_than_its_own(
    security_module: dict[str, str], tmp_path: Path
) -> None:
    place = {"SENDIGOPRO_DATA_DIR": str(tmp_path)}
    open_key_store(settings.read({**place, **security_module})).close()

    with pytest.raises(OperatorError, match="wrapped by pkcs11"):
        open_key_store(settings.read(place))


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"SENDIGOPRO_ROOT": "paper"}, "must be file, pkcs11 or aws-kms"),
        ({"SENDIGOPRO_ROOT": "pkcs11", "SENDIGOPRO_PKCS11_PIN_FILE": "/nowhere/pin"}, "cannot be read"),
    ],
)
def test_a_keeper_that_cannot_be_had_is_told_in_one_line(
    environment: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(OperatorError, match=told):
        open_key_store(settings.read({"SENDIGOPRO_DATA_DIR": str(tmp_path), **environment}))


def test_a_key_service_that_does_not_answer_is_told(
    key_service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {"SENDIGOPRO_DATA_DIR": str(tmp_path), "SENDIGOPRO_ROOT": "aws-kms"}
    open_key_store(settings.read(place)).close()
    assert key_service
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")

    with pytest.raises(OperatorError, match="cannot be reached"):
        open_key_store(settings.read(place))
