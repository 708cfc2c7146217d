#!/bin/sh
# Puts Debian's BIRD 1.6, which Calico's own is a fork of, beside the installed BIRD 2: the packages conflict, so it is
# only unpacked, into the cache. Prints the folder that has bird, bird6, birdc and birdc6.
set -eu
out=${XDG_CACHE_HOME:-$HOME/.cache}/tortie/bird1
if [ ! -x "$out/usr/sbin/bird6" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && apt-get -qq download bird >/dev/null 2>"$work/errors") || { echo "bird1: apt-get download bird: $(tail -1 "$work/errors")" >&2; exit 1; }
  dpkg -x "$work"/bird_*.deb "$work/unpacked"
  rm -rf "$out"
  mkdir -p "$(dirname "$out")"
  mv "$work/unpacked" "$out"
fi
echo "$out/usr/sbin"
