"""Databases into files and back, by PostgreSQL's own programs."""

import subprocess
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from sendigopro.foundation import cluster
from sendigopro.foundation.operator_errors import OperatorError

DUMP_SECONDS_MAX = 24 * 3600
MANIFEST = "manifest.json"
"""What a backup says of itself, in its folder."""
LAST_BACKUP = "last_backup"
"""In the data folder: when the last one was made."""
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


def dump(url: str, target: Path) -> None:
    """One database as of one moment, everything in it, readable by `load` and by pg_restore."""
    _run("pg_dump", ["--format=custom", "--compress=0", f"--file={target}"], url)
    target.chmod(0o600)


def note_backup(data_dir: Path, at: datetime) -> None:
    """For who looks after the installation; a file, because a restored database would tell of another one."""
    (data_dir / LAST_BACKUP).write_text(at.isoformat(timespec="seconds") + "\n", encoding="utf-8")


def last_backup(data_dir: Path) -> datetime | None:
    """None when none was made on this machine."""
    try:
        return datetime.fromisoformat((data_dir / LAST_BACKUP).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return None


def load(source: Path, url: str) -> None:
    """Into an empty database whose roles exist."""
    _run("pg_restore", ["--exit-on-error", "--dbname=", str(source)], url)


def environment_of(url: str) -> dict[str, str]:
    """An address as libpq's variables: on a command line everybody on the machine would read its password."""
    parts = urlsplit(url)
    found = {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.lstrip("/"),
    }
    found |= {VARIABLES[name]: value for name, value in parse_qsl(parts.query) if name in VARIABLES}
    return {name: value for name, value in found.items() if value}


def _run(program: str, options: list[str], url: str) -> None:
    command = [str(cluster.server_binaries() / program), "--no-password", *options]
    done = subprocess.run(
        command,
        env=environment_of(url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DUMP_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it left no word"])[-1]
        raise OperatorError(f"{program} of {environment_of(url)['PGDATABASE']}: {last}")
