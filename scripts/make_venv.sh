#!/bin/sh
# Make a virtual environment: make_venv.sh PYTHON FOLDER. Says what is missing and how to get it.
set -eu
python=$1
folder=$2
if [ -z "$python" ]; then
    echo "Netyield needs Python 3.11 or newer, and none is on PATH." >&2
    echo "  Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: make demo PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "$python is not Python 3.11 or newer ($("$python" --version 2>&1))." >&2
    echo "  Name another one: make demo PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python has no venv module." >&2
    echo "  Install it (Debian, Ubuntu: apt-get install python3-venv), then run make again." >&2
    exit 1
fi
"$python" -m venv "$folder"
