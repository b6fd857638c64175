#!/bin/sh
# Installs what `make run` (argument: run), `make test` (test), `make unit` (unit), the export of published weights
# (export), `make bench` (bench) or `make gpu` (gpu) needs and the machine lacks: Python's environments in .venv,
# .venv-export, .venv-bench and .venv-gpu, and Debian's packages where we may. Done before: over in milliseconds.
set -eu
what=$1
python=${PYTHON:-}
# Whichever is there and runs: Debian 12's, or Ubuntu 24.04's.
for each in python3.11 python3.12; do
    [ -n "$python" ] || ! "$each" -c '' 2>/dev/null || python=$each
done
python=${python:-python3.11}

debian() { # package... : only as root on Debian; else say what to do
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing Debian's $*"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "missing: $* (install it with your system's package manager, then try again)" >&2
        exit 1
    fi
}

virtual() { # folder: Python's environment in it
    command -v "$python" >/dev/null || debian python3.11 python3.11-venv
    "$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' ||
        { echo "$python is not Python 3.11 or 3.12: set PYTHON to one that is" >&2; exit 1; }
    [ -x "$1/bin/pip" ] && return
    "$python" -c 'import ensurepip, venv' 2>/dev/null || debian "$(basename "$python")-venv"
    "$python" -m venv --clear "$1"
}

environment() { # stamp file, requirements files...
    stamp=$1
    shift
    sum=$(cat "$@" | cksum)
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && return
    virtual .venv
    echo "installing Python packages into .venv (a minute or two)"
    files=
    for file; do files="$files -r $file"; done
    # shellcheck disable=SC2086 # a list of options
    .venv/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes $files
    echo "$sum" >"$stamp"
}

originals() { # PyTorch and the packages that published weights come from, away from what serves
    sum=$(cat export/requirements.txt export/originals.txt | cksum)
    [ "$(cat .venv-export/.installed 2>/dev/null)" = "$sum" ] && return
    virtual .venv-export
    echo "installing PyTorch and transformers into .venv-export (one to four minutes)"
    .venv-export/bin/pip install -q --disable-pip-version-check -r export/requirements.txt
    .venv-export/bin/pip install -q --disable-pip-version-check --no-deps -r export/originals.txt
    echo "$sum" >.venv-export/.installed
}

peers() { # servers of others that the benchmarks compare with
    sum=$(cksum <tests/bench/requirements.txt)
    [ "$(cat .venv-bench/.installed 2>/dev/null)" = "$sum" ] && return
    virtual .venv-bench
    echo "installing the servers to compare with into .venv-bench"
    .venv-bench/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes -r tests/bench/requirements.txt
    echo "$sum" >.venv-bench/.installed
}

graphics() { # an environment of its own, whose ONNX Runtime computes on an NVIDIA GPU
    sum=$(cat tests/requirements.txt docker/triton/requirements.txt docker/wheels.txt tests/gpu/requirements.txt | cksum)
    [ "$(cat .venv-gpu/.installed 2>/dev/null)" = "$sum" ] && return
    virtual .venv-gpu
    echo "installing Python packages and NVIDIA's libraries into .venv-gpu (a few minutes)"
    .venv-gpu/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes \
        -r tests/requirements.txt -r docker/triton/requirements.txt -r docker/wheels.txt
    .venv-gpu/bin/pip uninstall -q -y --disable-pip-version-check onnxruntime # both lie in the same folder
    .venv-gpu/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes -r tests/gpu/requirements.txt
    echo "$sum" >.venv-gpu/.installed
}

libpython() { # Triton's stubs need it; not every Python carries it
    version=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    .venv/bin/python -c 'import pathlib, sysconfig, sys
sys.exit(not pathlib.Path(sysconfig.get_config_var("LIBDIR"), f"libpython{sys.argv[1]}.so.1.0").exists())' "$version" ||
        /sbin/ldconfig -p | grep -qF "libpython$version.so.1.0" || debian "libpython$version"
}

javascript() { # the library that plays foreign clients, as its lock file pins it
    sum=$(cat tests/node/package.json tests/node/package-lock.json | cksum)
    [ "$(cat tests/node/node_modules/.installed 2>/dev/null)" = "$sum" ] && return
    npm ci --prefix tests/node --loglevel error --ignore-scripts >/dev/null
    echo "$sum" >tests/node/node_modules/.installed
}

monitoring() { # Prometheus and promtool: unpacked, for installing the package would start a service
    [ -x .venv/tools/promtool ] && return
    mkdir -p .venv/tools
    if ! command -v promtool >/dev/null; then
        echo "unpacking Debian's prometheus into .venv/tools"
        place=$(mktemp -d)
        { [ "$(id -u)" != 0 ] || apt-get update -qq; } && (cd "$place" && apt-get download -qq prometheus 2>/dev/null) &&
            dpkg-deb -x "$place"/*.deb "$place" && cp "$place/usr/bin/prometheus" "$place/usr/bin/promtool" .venv/tools
        rm -r "$place"
    else
        ln -sf "$(command -v prometheus)" "$(command -v promtool)" .venv/tools
    fi
    [ -x .venv/tools/promtool ] || { echo "missing: prometheus with promtool (put both on the path)" >&2; exit 1; }
}

case $what in
export)
    originals
    exit
    ;;
unit)
    environment .venv/.unit tests/requirements.txt docker/triton/requirements.txt
    exit
    ;;
bench)
    peers
    exit
    ;;
gpu)
    graphics
    exit
    ;;
run) environment .venv/.run docker/requirements.txt docker/triton/requirements.txt docker/wheels.txt ;;
test)
    environment .venv/.test tests/requirements.txt docker/triton/requirements.txt docker/wheels.txt
    missing=
    for command in chromium curl espeak-ng flite npm; do
        command -v "$command" >/dev/null || missing="$missing $command"
    done
    # shellcheck disable=SC2086
    [ -z "$missing" ] || debian $missing
    javascript
    monitoring
    originals
    ;;
esac
libpython
