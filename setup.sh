#!/usr/bin/env bash
# Make everything ready from a fresh clone: system packages where they are missing and may be installed, a virtual
# environment with the locked dependencies, the command at .venv/bin/chartloom. Running it again is quick and harmless.
#
#   ./setup.sh            what Chartloom needs to run
#   ./setup.sh browser    also what the browser tests need
set -euo pipefail
cd "$(dirname "$0")"
bin=.venv/bin

say() { printf 'setup: %s\n' "$*"; }

# Debian's packages, each with the program that shows it is there.
missing=()
command -v pdftoppm >/dev/null || missing+=(poppler-utils)
if [ "${1:-}" = browser ]; then
    command -v chromium >/dev/null || missing+=(chromium)
fi

find_python() { # the first Python that is new enough
    local candidate
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ]; then
    missing+=(python3 python3-venv)
elif ! [ -x $bin/python ] && ! "$python" -c 'import ensurepip' 2>/dev/null; then
    missing+=(python3-venv)
fi

if [ ${#missing[@]} -gt 0 ]; then
    install="apt-get install -y --no-install-recommends ${missing[*]}"
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
        say "installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086
        { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" $install -qq >/dev/null; } </dev/null ||
            say "could not install ${missing[*]}; run as root: apt-get update && $install"
    else
        say "missing: ${missing[*]}; run as root: apt-get update && $install"
    fi
    python=$(find_python)
fi
[ -n "$python" ] || { say "Python 3.11 or newer is needed"; exit 1; }

# The virtual environment is made again when the lock, the project's own description or this file changed.
stamp=$(cat requirements-dev.lock pyproject.toml setup.sh | sha256sum | cut -c1-64)
if [ "$(cat .venv/installed 2>/dev/null)" != "$stamp" ] || ! $bin/python -c 'import pipeline.cli' 2>/dev/null; then
    $bin/python -c 'import pip' 2>/dev/null || "$python" -m venv --clear .venv
    say "installing the locked dependencies into .venv"
    $bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.lock </dev/null
    $bin/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e . </dev/null
    echo "$stamp" >.venv/installed
fi
say "ready: $bin/chartloom"
