#!/bin/sh
# start.sh [ARGUMENT...]: on the machine with the card, unpacked from what travelled: makes an environment of what came
# along and of what `python3` here has, then runs `python -m tests.gpu ARGUMENT...` in it.
# HOUSE: the project's folder, where it did not come along. PYTHON: the Python to use.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
house=${HOUSE:-$here/house}
python=${PYTHON:-python3}
environment=$here/environment
if [ ! -d "$environment" ]; then
    "$python" -m venv --without-pip "$environment"
    packages=$("$environment/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
    mv "$here"/site/* "$packages/"
    # Behind what came along: what this machine has, PyTorch and NVIDIA's libraries among it.
    "$python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))' >"$packages/machine.pth"
    # ONNX Runtime looks for NVIDIA's libraries beside itself.
    theirs=$(cat "$packages/machine.pth")/nvidia
    [ ! -d "$theirs" ] || ln -s "$theirs" "$packages/nvidia"
fi
export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PYTHONUNBUFFERED=1
cd "$house"
exec "$environment/bin/python" -m tests.gpu "$@"
