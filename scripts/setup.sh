#!/usr/bin/env bash
# What does this machine lack to build and test Baton, and how does it get that?
#
# Says nothing and calls nothing when everything is there. Otherwise, on Debian and Ubuntu as
# root, installs it with apt; anywhere else prints one line that says what to install, and fails.
#
# Needed: a C compiler with the C library's headers (build scripts), libclang with its own headers
# (they generate the bindings to the server's module API), redis-server (tests, demo), and Python
# with venv (one test drives the module through redis-py).
set -euo pipefail

has() { command -v "$1" >/dev/null 2>&1; }

# Folders in which distributions put LLVM.
llvm_places() {
    ls -d /usr/lib/llvm* /usr/lib64/llvm* /usr/local/llvm* \
        /usr/lib/*-linux-gnu /usr/lib /usr/lib64 2>/dev/null || true
}

has_libclang() {
    [ "$(uname -s)" != Linux ] && return 0 # comes with Xcode's command line tools
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    local place
    for place in $(llvm_places); do
        if compgen -G "$place/libclang[-.][0-9s]*" >/dev/null ||
            compgen -G "$place/lib/libclang[-.][0-9s]*" >/dev/null; then
            return 0
        fi
    done
    return 1
}

has_clang_headers() {
    [ "$(uname -s)" != Linux ] && return 0
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    local place
    for place in $(llvm_places); do
        if compgen -G "$place/lib/clang/*/include/stddef.h" >/dev/null ||
            compgen -G "$place/clang/*/include/stddef.h" >/dev/null; then
            return 0
        fi
    done
    return 1
}

has_c() { has cc && echo '#include <stdio.h>' | cc -E -x c - >/dev/null 2>&1; }

has_venv() { has python3 && python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }

missing=()
has_c || missing+=(c)
{ has_libclang && has_clang_headers; } || missing+=(libclang)
has redis-server || missing+=(redis-server)
has_venv || missing+=(python)

if ! has cargo; then
    echo "setup: cargo is missing; install Rust from https://rustup.rs" >&2
    exit 1
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if ! has apt-get || [ "$(id -u)" -ne 0 ]; then
    how="install a C compiler, libclang, redis-server and python3 with venv"
    has apt-get && how="sudo apt-get install gcc libc6-dev libclang-dev redis-server python3-venv"
    echo "setup: missing here: ${missing[*]}; to install: $how" >&2
    exit 1
fi

# libclang in two small packages, of the version that is this release's own; `libclang-dev` is the
# same and a quarter of a gigabyte more, so it is taken only where the two are not found.
libclang_packages() {
    local version
    version=$(apt-cache depends libclang-dev 2>/dev/null |
        sed -n 's/^.*libclang-\([0-9][0-9]*\)-dev.*$/\1/p' | head -n 1)
    local pair="libclang1-$version libclang-common-$version-dev"
    if [ -n "$version" ] && apt-get install --simulate -qq $pair >/dev/null 2>&1; then
        echo "$pair"
    else
        echo libclang-dev
    fi
}

# The redis-server package starts a service; nobody here asked for one. Debian's way to say so
# is a policy-rc.d that answers 101, which is put there for the time of the installation only.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi

echo "setup: installing ${missing[*]} with apt-get" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }; }
quietly apt-get update -qq
packages=()
for what in "${missing[@]}"; do
    case $what in
        c) packages+=(gcc libc6-dev) ;;
        libclang) read -r -a pair <<<"$(libclang_packages)"; packages+=("${pair[@]}") ;;
        python) packages+=(python3 python3-venv) ;;
        *) packages+=("$what") ;;
    esac
done
quietly apt-get install -qq -y --no-install-recommends "${packages[@]}"
rm -f "$log"
