#!/usr/bin/env bash
# What an installed package does without a checkout: tests/wheel.sh DISTRIBUTION ENVIRONMENT
# DISTRIBUTION is a wheel or an sdist, ENVIRONMENT a folder for a new virtual environment.
set -euo pipefail
[ $# = 2 ] && [ -f "$1" ] || { echo "usage: tests/wheel.sh DISTRIBUTION ENVIRONMENT" >&2; exit 2; }
distribution=$(realpath "$1")
environment=$(realpath -m "$2")
constraints=$(realpath "$(dirname "$0")/../constraints.txt")
"${PYTHON:-python3}" -m venv "$environment"
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$constraints" "$distribution"
cd "$(mktemp -d)"
bwtheory=$environment/bin/bwtheory
"$environment/bin/python" -c 'import bwtheory, pathlib; assert "site-packages" in bwtheory.__file__; print(bwtheory.__version__)'
"$bwtheory" verify
"$bwtheory" verify eq-44 --explain
"$bwtheory" verify eq-44 | grep "proved (not rechecked here): 1"
"$bwtheory" figures
"$bwtheory" train signal --image camera --shrink 32 --epochs 5 --hidden-features 16 --hidden-layers 1 --device cpu --out runs
"$bwtheory" render runs/camera-signal-bw-relu-seed40 --size 40x40
"$environment/bin/python" -c 'import bwtheory as bw, numpy as np; bw.fit(np.eye(9), steps=3, hidden_features=4).save("fitted"); bw.load("fitted")'
"$bwtheory" report runs
"$bwtheory" animate runs/camera-signal-bw-relu-seed40 --frames 3
"$bwtheory" reproduce fig5 --quick --device cpu --epochs 3 --seeds 1 --out reproduced
ls figures runs/* reproduced/*
echo "The installed package works without a checkout."
