"""Bring the peers into `.peers/` without root: programs nobody here wrote, for tests and bench to talk to.

    python tests/peers/install.py          # done before? then it says nothing and takes no time

Debian's packages are downloaded with apt's own client into folders of ours and unpacked there; nothing on the system
changes. What cannot be had is listed, with what is then not tested; under CI that is a failure.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.peers import places

NODE_PACKAGES = {"smpp": "0.5.1", "axe-core": "4.14.1", "oidc-provider": "9.13.3", "samlp": "8.0.0"}
PYTHON_PACKAGES = ("schemathesis", "smpp34", "standardwebhooks", "uvloop")
STAMP = places.PEERS / "stamp.json"
STEP_SECONDS_MAX = 600


class CannotBeHad(Exception):
    """Why a peer is missing, in words for whoever runs the tests."""


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    without_it: str
    is_here: Callable[[], bool]
    bring: Callable[[], None]


def run(command: Sequence[str | Path], *, cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBeHad(f"{command[0]}: {error}") from error
    if done.returncode:
        last = done.stdout.strip().splitlines()[-3:]
        raise CannotBeHad(f"{Path(command[0]).name} said: {' / '.join(last)}")


def program(name: str, *, comes_with: str) -> str:
    found = shutil.which(name, path=places.SYSTEM_PATH)
    if not found:
        raise CannotBeHad(f"there is no {name} on this machine; {comes_with}")
    return found


def bring_node_packages() -> None:
    npm = program("npm", comes_with="it comes with Node.js 18 or newer")
    places.PEERS.mkdir(exist_ok=True)
    wanted = [f"{name}@{version}" for name, version in NODE_PACKAGES.items()]
    # Packages of strangers run no scripts of theirs at install time.
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    run([npm, "install", "--prefix", places.PEERS, *options, *wanted], cwd=places.PEERS)


def bring_debian_package(name: str) -> None:
    """Download a package with what it needs beyond this system, and unpack it all beside each other."""
    apt_get = program("apt-get", comes_with="install the package by your system's own means")
    dpkg = program("dpkg", comes_with="it comes with apt-get")
    apt = places.PEERS / "apt"
    archives = apt / "cache" / "archives"
    for folder in (apt / "state" / "lists" / "partial", archives / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    ours = {
        "Dir::State": apt / "state",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": apt / "cache",
        "Debug::NoLocking": "1",
        # As root apt would hand the download to a user who may not enter our folders.
        "APT::Sandbox::User": "",
    }
    options = [part for key, value in ours.items() for part in ("-o", f"{key}={value}")]
    download = [apt_get, *options, "-qq", "-y", "--no-install-recommends", "--download-only", "install", name]
    try:
        run(download)
    except CannotBeHad:  # no lists yet, or old ones that name packages which are gone
        run([apt_get, *options, "-qq", "update"])
        run(download)
    places.DEBIAN.mkdir(exist_ok=True)
    for archive in sorted(archives.glob("*.deb")):
        run([dpkg, "-x", archive, places.DEBIAN])
        archive.unlink()


def bring_xmlsec1() -> None:
    """Others start it, and know nothing of our folders: so a script stands before it that does."""
    bring_debian_package("xmlsec1")
    program = places.DEBIAN / "usr" / "bin" / "xmlsec1"
    script = program.with_name("xmlsec1.sh")
    paths = os.pathsep.join(str(folder) for folder in places.library_folders())
    script.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{paths}" exec "{program}" "$@"\n')
    script.chmod(0o755)


def refuse_python_package(name: str) -> Callable[[], None]:
    def refuse() -> None:
        raise CannotBeHad(f"install it into this environment: pip install '.[test]' ({name})")

    return refuse


def has_node_packages() -> bool:
    return all(
        (folder := places.node_package(name)) is not None
        and json.loads((folder / "package.json").read_text())["version"] == version
        for name, version in NODE_PACKAGES.items()
    )


PEERS = [
    Peer(
        "smpp and axe-core of npm",
        "tests/peers: a message centre of strangers; tests/browser: accessibility",
        has_node_packages,
        bring_node_packages,
    ),
    Peer(
        "Kannel",
        "bench: the comparison",
        lambda: places.bearerbox() is not None,
        lambda: bring_debian_package("kannel"),
    ),
    Peer(
        "SoftHSM",
        "tests/vault: the root in a security module",
        lambda: places.softhsm() is not None,
        lambda: bring_debian_package("softhsm2"),
    ),
    Peer(
        "xmlsec1",
        "tests/sso: sign-ins by SAML",
        lambda: places.xmlsec1() is not None,
        bring_xmlsec1,
    ),
    Peer(
        "Chromium",
        "tests/browser",
        lambda: places.chromium() is not None,
        lambda: bring_debian_package("chromium"),
    ),
    *(
        Peer(
            name,
            "tests/peers",
            lambda name=name: places.has_python_package(name),  # type: ignore[misc]
            refuse_python_package(name),
        )
        for name in PYTHON_PACKAGES
    ),
]


def recipe() -> str:
    """What the stamp stands for: this file and the interpreter. Another recipe asks again."""
    return hashlib.sha256(Path(__file__).read_bytes() + sys.executable.encode()).hexdigest()


def is_done() -> bool:
    return STAMP.exists() and json.loads(STAMP.read_text()) == recipe() and all(peer.is_here() for peer in PEERS)


def check_arrived(peer: Peer) -> None:
    if not peer.is_here():
        raise CannotBeHad("it was brought, but is not where it should be")


def bring_all(console: Console) -> list[str]:
    """Bring what is not here; give a line for each that cannot be had."""
    missing = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for peer in PEERS:
            if peer.is_here():
                continue
            task = progress.add_task(f"Bringing {peer.name} into .peers")
            try:
                peer.bring()
                check_arrived(peer)
            except CannotBeHad as reason:
                missing.append(f"{peer.name}: {reason} (without it: no {peer.without_it})")
            progress.remove_task(task)
    return missing


def main() -> int:
    if is_done():
        return 0
    console = Console(stderr=True)
    missing = bring_all(console)
    for line in missing:
        console.print(f"[yellow]Not to be had:[/] {line}", soft_wrap=True)
    if missing:
        return 1 if os.environ.get("CI") else 0
    STAMP.write_text(json.dumps(recipe()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
