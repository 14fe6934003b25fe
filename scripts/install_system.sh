#!/bin/sh
# Install the Debian packages the tests use and that are not there yet: a Prometheus server, a browser, PostgreSQL, Java.
set -eu
wanted=""
command -v prometheus >/dev/null 2>&1 && command -v promtool >/dev/null 2>&1 || wanted="$wanted prometheus"
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || wanted="$wanted chromium"
command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted="$wanted postgresql"
command -v java >/dev/null 2>&1 || wanted="$wanted openjdk-17-jre-headless"
if [ -z "$wanted" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Tests need:$wanted. This is not Debian; install them by hand." >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "Tests need:$wanted. Run as root: apt-get install$wanted" >&2
        exit 1
    fi
    as_root="sudo"
fi
echo "Installing$wanted"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086
$as_root apt-get install -q -y --no-install-recommends $wanted
