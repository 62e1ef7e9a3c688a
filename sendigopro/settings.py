"""Every setting: its name in the environment, its default, and what it is for."""

import json
import os
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sendigopro.foundation.database_urls import Role, as_role
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.peers import Network, read_networks

INSTANCE_FILE = "instance.json"
SIGN_UP_WORDS = ("open", "closed")
TRUE_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class SettingsError(OperatorError):
    """A setting cannot be read; the text names it and says what it may be."""


def setting(variable: str, default: str | int, help_text: str) -> Any:  # noqa: ANN401  # as dataclasses.field
    return field(default=default, metadata={"variable": variable, "help": help_text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator may decide. `read` fills it: environment, then instance.json, then the defaults here."""

    data_dir: Path = field(
        metadata={"variable": "SENDIGOPRO_DATA_DIR", "help": "Folder of everything this instance keeps."}
    )
    database_url: str = setting("DATABASE_URL", "", "PostgreSQL 18 for what happened; empty: an embedded one.")
    vault_url: str = setting("VAULT_URL", "", "PostgreSQL 18 for who it was; empty: an embedded one.")
    host: str = setting("SENDIGOPRO_HOST", "127.0.0.1", "Address the web listens on.")
    port: int = setting("SENDIGOPRO_PORT", 8080, "Port the web listens on; 0: any free one.")
    base_url: str = setting("SENDIGOPRO_BASE_URL", "", "Address customers reach us at; empty: http://host:port.")
    trusted_proxies: str = setting(
        "SENDIGOPRO_TRUSTED_PROXIES", "", "Networks of our own proxies, whose X-Forwarded-For is believed; by commas."
    )
    smpp_port: int = setting("SENDIGOPRO_SMPP_PORT", 2775, "Port for customers who speak SMPP.")
    webs: int = setting("SENDIGOPRO_WEBS", 1, "How many web processes `up` runs.")
    workers: int = setting("SENDIGOPRO_WORKERS", 1, "How many worker processes `up` runs.")
    keys_dir: str = setting("SENDIGOPRO_KEYS_DIR", "", "Folder of the key store; empty: keys/ in the data folder.")
    journal_dir: str = setting(
        "SENDIGOPRO_JOURNAL_DIR", "", "Folder of the erasure journal, in no backup; empty: journal/ in the data folder."
    )
    closing_days: int = setting(
        "SENDIGOPRO_CLOSING_DAYS", 30, "How many days a closed account can be kept after all, before it is forgotten."
    )
    keys_copies: str = setting(
        "SENDIGOPRO_KEYS_COPIES", "", "More folders that hold the same key store, on other disks; separated by colons."
    )
    root: str = setting(
        "SENDIGOPRO_ROOT", "file", "Who holds what wraps the root of the keys: file (development), pkcs11 or aws-kms."
    )
    pkcs11_module: str = setting("SENDIGOPRO_PKCS11_MODULE", "", "Library of the security module, a .so file.")
    pkcs11_token: str = setting("SENDIGOPRO_PKCS11_TOKEN", "", "Label of its token.")
    pkcs11_pin_file: str = setting("SENDIGOPRO_PKCS11_PIN_FILE", "", "File with the PIN of the token's user.")
    backup_level: str = setting(
        "SENDIGOPRO_BACKUP_LEVEL",
        "bounded",
        "bounded: backups hold a key snapshot that opens for 7 days; immediate: none, and the key store has copies.",
    )
    recovery_dir: str = setting(
        "SENDIGOPRO_RECOVERY_DIR", "", "Folder of the keys of key snapshots; empty: recovery/ in the data folder."
    )
    allow_private_webhooks: bool = setting(
        "SENDIGOPRO_ALLOW_PRIVATE_WEBHOOKS",
        False,  # noqa: FBT003  # its default
        "Whether webhooks may go to private and loopback addresses.",
    )
    xmlsec1: str = setting(
        "SENDIGOPRO_XMLSEC1", "", "Program xmlsec1, for sign-ins by SAML; empty: where PATH finds it."
    )
    shared_buffers_mb: int = setting(
        "SENDIGOPRO_SHARED_BUFFERS_MB",
        0,
        "Memory the embedded PostgreSQL caches in; 0: an eighth of the machine's, 128 to 1024.",
    )
    database_connections: int = setting("SENDIGOPRO_DATABASE_CONNECTIONS", 100, "Connections it accepts.")
    price_micros: int = setting(
        "SENDIGOPRO_PRICE_MICROS", 0, "Price of one live segment, in millionths of the currency."
    )
    operator_name: str = setting(
        "SENDIGOPRO_OPERATOR_NAME", "", "Who runs this installation, by law: shown in the record of processing."
    )
    operator_address: str = setting("SENDIGOPRO_OPERATOR_ADDRESS", "", "Where they can be reached by post.")
    representative: str = setting(
        "SENDIGOPRO_REPRESENTATIVE", "", "Their representative in the EU or UK, where one is needed (GDPR 27)."
    )
    data_protection_officer: str = setting(
        "SENDIGOPRO_DATA_PROTECTION_OFFICER", "", "Name and address of their data protection officer, if there is one."
    )
    transfers: str = setting(
        "SENDIGOPRO_TRANSFERS", "", "Third countries personal data goes to, and the safeguards: for the record."
    )
    currency: str = setting("SENDIGOPRO_CURRENCY", "EUR", "Currency of prices, ISO 4217.")
    subjects_in_memory: int = setting(
        "SENDIGOPRO_SUBJECTS_IN_MEMORY", 50_000, "How many recipients each process keeps in memory, 0.7 kB each."
    )
    privacy_contact: str = setting(
        "SENDIGOPRO_PRIVACY_CONTACT", "", "Mail address for questions about privacy, shown in the notice."
    )
    go_live: str = setting(
        "SENDIGOPRO_GO_LIVE",
        "open",
        "open: accounts that people make themselves are live at once; review: they have test keys alone until a person "
        "of the staff has decided.",
    )
    smtp_url: str = field(
        default="",
        repr=False,  # holds a password
        metadata={
            "variable": "SENDIGOPRO_SMTP_URL",
            "help": "Server our own mails go out by: smtp://user:password@host:587 or smtps://…; empty: no mails.",
        },
    )
    mail_from: str = setting(
        "SENDIGOPRO_MAIL_FROM", "", "Whom our own mails come from: SendiGoPro <no-reply@example.com>."
    )
    sign_up: str = setting(
        "SENDIGOPRO_SIGN_UP", "closed", "open: whoever confirms a mail address gets an account; closed: by invitation."
    )
    log_level: str = setting("SENDIGOPRO_LOG_LEVEL", "info", "debug, info, warning or error.")

    def main(self, role: Role) -> str:
        """Where what happened is kept, in one role."""
        return as_role(self.database_url, role)

    def vault(self, role: Role) -> str:
        """Where it is kept who it was, in one role."""
        return as_role(self.vault_url, role)

    @property
    def keys_folder(self) -> Path:
        return Path(self.keys_dir) if self.keys_dir else self.data_dir / "keys"

    @property
    def journal_folder(self) -> Path:
        return Path(self.journal_dir) if self.journal_dir else self.data_dir / "journal"

    @property
    def exports_folder(self) -> Path:
        """What was built for people who asked for their data, until it is fetched or they are forgotten."""
        return self.data_dir / "exports"

    @property
    def recovery_folder(self) -> Path:
        return Path(self.recovery_dir) if self.recovery_dir else self.data_dir / "recovery"

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Whose word is believed about where a request comes from."""
        try:
            return read_networks(self.trusted_proxies)
        except ValueError as error:
            raise SettingsError(f"SENDIGOPRO_TRUSTED_PROXIES: {error}.") from error

    @property
    def url(self) -> str:
        """Where customers reach us, without a slash at the end."""
        return self.base_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def hostname(self) -> str:
        """The host of that address, without a port."""
        return urlsplit(self.url).hostname or self.host

    @property
    def sends_mail(self) -> bool:
        return bool(self.smtp_url)

    @property
    def lets_sign_up(self) -> bool:
        """Without mail nobody can show that an address is theirs."""
        return self.sign_up == "open" and self.sends_mail


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process; a missing instance.json is no error, a broken one is."""
    data_dir = data_dir_of(environment)
    return choose(data_dir, environment, read_instance(data_dir).get("settings", {}))


def choose(data_dir: Path, environment: Mapping[str, str], remembered: Mapping[str, object]) -> Settings:
    """Each setting from the first that has it: environment, what an instance remembers, the default."""
    chosen: dict[str, object] = {"data_dir": data_dir}
    for known in fields(Settings):
        text = environment.get(known.metadata["variable"])
        if known.name == "data_dir":
            continue
        if text:
            chosen[known.name] = parse(known, text)
        elif known.name in remembered:
            chosen[known.name] = parse(known, str(remembered[known.name]))
    settings = Settings(**chosen)  # type: ignore[arg-type]  # parse gives each field its type
    if settings.sign_up not in SIGN_UP_WORDS:
        raise SettingsError(f"SENDIGOPRO_SIGN_UP is {settings.sign_up!r} but must be open or closed.")
    return settings


def parse(known: Field[object], text: str) -> object:
    """Read a text as the type of the setting's default."""
    try:
        match known.default:
            case bool():
                return TRUE_WORDS[text.lower()]
            case int():
                return int(text)
            case _:
                return text
    except (KeyError, ValueError) as error:
        kind = "yes or no" if isinstance(known.default, bool) else "a number"
        raise SettingsError(f"{known.metadata['variable']} is {text!r} but must be {kind}.") from error


def data_dir_of(environment: Mapping[str, str]) -> Path:
    if named := environment.get("SENDIGOPRO_DATA_DIR"):
        return Path(named).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/sendigopro")
    return Path.home() / ".local" / "share" / "sendigopro"


def read_instance(data_dir: Path) -> dict[str, dict[str, object]]:
    """What `up` wrote down about the instance in this folder; empty when there is none or it is not ours to read."""
    path = data_dir / INSTANCE_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except ValueError as error:
        raise SettingsError(f"{path} is damaged: remove it and start `sendigopro up` again.") from error
    return found if isinstance(found, dict) else {}


def table() -> list[tuple[str, str, str]]:
    """Variable, default and purpose of every setting, for help texts and the manual."""
    return [
        (known.metadata["variable"], "" if known.default is MISSING else str(known.default), known.metadata["help"])
        for known in fields(Settings)
    ]
