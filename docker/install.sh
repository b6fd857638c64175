#!/bin/sh
# Installs what `make run` (argument: run) or `make test` (argument: test) needs and the machine lacks: Python 3.11's
# environment in .venv, and Debian's packages where we may. Done before: over in milliseconds.
set -eu
what=$1
python=${PYTHON:-python3.11}

debian() { # package... : only as root on Debian; else say what to do
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing Debian's $*"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "missing: $* (install it with your system's package manager, then try again)" >&2
        exit 1
    fi
}

environment() { # stamp file, requirements files...
    stamp=$1
    shift
    sum=$(cat "$@" | cksum)
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return
    command -v "$python" >/dev/null || debian python3.11 python3.11-venv
    "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
        { echo "$python is not Python 3.11: set PYTHON to one that is" >&2; exit 1; }
    if [ ! -x .venv/bin/pip ]; then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || debian python3.11-venv
        "$python" -m venv --clear .venv
    fi
    echo "installing Python packages into .venv (a minute or two)"
    files=
    for file; do files="$files -r $file"; done
    # shellcheck disable=SC2086 # a list of options
    .venv/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes $files
    echo "$sum" >"$stamp"
}

libpython() { # Triton's stubs need it; not every Python carries it
    .venv/bin/python -c 'import pathlib, sysconfig, sys
sys.exit(not pathlib.Path(sysconfig.get_config_var("LIBDIR"), "libpython3.11.so.1.0").exists())' ||
        /sbin/ldconfig -p | grep -q 'libpython3\.11\.so\.1\.0' || debian libpython3.11
}

case $what in
run) environment .venv/.run docker/requirements.txt docker/wheels.txt ;;
test)
    environment .venv/.test tests/requirements.txt docker/wheels.txt
    missing=
    for command in curl espeak-ng flite; do
        command -v "$command" >/dev/null || missing="$missing $command"
    done
    # shellcheck disable=SC2086
    [ -z "$missing" ] || debian $missing
    ;;
esac
libpython
