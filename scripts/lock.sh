#!/bin/sh
# Resolve the lock files: lock.sh PYTHON. Names, versions and hashes only; no host names, no index options.
# Run it with the oldest Python the package supports: what resolves there also installs on newer ones.
set -eu
python=$1
sh scripts/make_venv.sh "$python" .venv-lock
.venv-lock/bin/python -m pip install --quiet "pip-tools>=7.6,<8"
upgrade=""
[ -z "${UPGRADE:-}" ] || upgrade="--upgrade"
compile() {
    # shellcheck disable=SC2086
    .venv-lock/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host $upgrade "$@"
}
compile --build-deps-for editable --output-file requirements.txt pyproject.toml
compile --build-deps-for editable --extra test --constraint requirements.txt --output-file requirements-test.txt pyproject.toml
compile --output-file requirements-spark.txt requirements-spark.in
compile --output-file requirements-sizing.txt requirements-sizing.in
rm -rf .venv-lock
