#!/bin/sh
# Pins every package of the environments, with hashes. The smaller ones that serve are subsets of the largest.
set -eu
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3.11 -m venv "$tools"
"$tools/bin/pip" install -q --disable-pip-version-check pip-tools
compile() { # output, what is wanted...
    output=$1
    shift
    "$tools/bin/pip-compile" -q --generate-hashes --allow-unsafe --strip-extras --no-header --no-annotate \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links "$@" -o "$output"
}
compile tests/requirements.txt --upgrade --extra local --extra test pyproject.toml
# An existing output file is a preference to pip-compile, so the others follow the first.
cp tests/requirements.txt docker/requirements.txt
cp tests/requirements.txt frontend/requirements.txt
compile docker/requirements.txt --extra local pyproject.toml
compile frontend/requirements.txt pyproject.toml
compile tests/bench/requirements.txt --upgrade tests/bench/requirements.in
compile tests/gpu/requirements.txt --upgrade tests/gpu/requirements.in
# One lock serves both Pythons: it must be what 3.12, the one of NVIDIA's image and of Ubuntu 24.04, would be given too.
if python3.12 -c '' 2>/dev/null; then
    python3.12 -m venv --clear "$tools"
    "$tools/bin/pip" install -q --disable-pip-version-check pip-tools
    cp tests/requirements.txt "$tools/requirements.txt"
    compile "$tools/requirements.txt" --extra local --extra test pyproject.toml
    diff tests/requirements.txt "$tools/requirements.txt" ||
        { echo "on Python 3.12 other packages are needed (above): hold back what differs in pyproject.toml" >&2; exit 1; }
else
    echo "python3.12 is not here: whether the lock holds for it was not checked" >&2
fi
