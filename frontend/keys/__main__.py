"""`python -m frontend.keys add NAME --file FILE`: makes a key, prints it this once and keeps its hash."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from frontend.errors import SettingsError
from frontend.keys.files import keys_in
from frontend.keys.hashed import NAME, hashed, new_key, new_salt

_ADVICE = "it needs no restart, and deleting the line revokes the key"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m frontend.keys", description="Keys for clients of the gateway.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("add", help="make a key", description="Prints a new key and appends its hash to a file.")
    add.add_argument("name", metavar="NAME", help="whose key it is; may stand in logs, and owns what the key makes")
    add.add_argument("--file", type=Path, required=True, metavar="FILE", help="one of keys.files; made if missing")
    options = parser.parse_args(arguments)
    try:
        key = _add(options.name, options.file)
    except (SettingsError, OSError) as e:
        sys.stderr.write(f"keys: {e}\n")
        return 2
    sys.stdout.write(f"{key}\n")
    sys.stderr.write(f"shown this once; {options.file} keeps its hash: {_ADVICE}\n")
    return 0


def _add(name: str, path: Path) -> str:
    if not NAME.fullmatch(name):
        raise SettingsError("a name has 1 to 64 letters, digits and . _ @ + -")
    known = keys_in(path) if path.exists() else []
    key, salt = new_key(), known[-1].salt if known else new_salt()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
        last = path.read_bytes()[-1:]
        file.write(b"" if last in (b"", b"\n") else b"\n")
        file.write(f"{hashed(name, key, salt).line}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    return key


if __name__ == "__main__":
    sys.exit(main())
