#!/bin/sh
# Builds the CNI executable: one small static program for both names, tortie and tortie-ipam.
# musl-gcc gives about 55 KB; without it gcc gives a static program of about 700 KB that does the same.
set -eu
cd "$(dirname "$0")/.."
out=${1:-build/tortie-cni}
mkdir -p "$(dirname "$out")"
compiler=$(command -v musl-gcc || command -v gcc || true)
if [ -z "$compiler" ]; then
  echo "build-shim: no C compiler: install musl-tools (or gcc)" >&2
  exit 1
fi
"$compiler" -std=c17 -Os -static -s -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Werror -o "$out.new" cni/shim.c
mv "$out.new" "$out"
