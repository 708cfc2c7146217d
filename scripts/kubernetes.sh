#!/bin/bash
# Builds the Kubernetes programs that tests need from their Go modules: kubernetes.sh [PROGRAM...]; all of them when none is named.
# About ten minutes on two cores the first time, seconds from Go's cache. They go to ~/.cache/tortie/kubernetes-bin.
set -euo pipefail
cd "$(dirname "$0")/kubernetes"
out="${XDG_CACHE_HOME:-$HOME/.cache}/tortie/kubernetes-bin"
version=v1.34.4
packages=(
  k8s.io/kubernetes/cmd/kube-apiserver
  k8s.io/kubernetes/cmd/kube-controller-manager
  k8s.io/kubernetes/cmd/kube-scheduler
  k8s.io/kubernetes/cmd/kubelet
  k8s.io/kubernetes/cmd/kube-proxy
  k8s.io/kubernetes/test/images/agnhost
)

PATH="$PATH:/usr/local/go/bin"
if ! command -v go >/dev/null; then
  echo 'Go 1.24 or newer is needed: https://go.dev/dl/ (Debian 12 has 1.19, which is too old). The contract tests run without it, on our own server only.' >&2
  exit 1
fi
have=$(GOTOOLCHAIN=local go env GOVERSION); have=${have#go}
if [ "$(printf '%s\n' 1.24 "$have" | sort -V | head -1)" != 1.24 ]; then
  echo "Go 1.24 or newer is needed, this is $have: https://go.dev/dl/" >&2
  exit 1
fi

wanted=("$@")
mkdir -p "$out"
flags="-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"
for package in "${packages[@]}"; do
  name=${package##*/}
  if [ ${#wanted[@]} -gt 0 ] && [[ ! " ${wanted[*]} " =~ \ $name\  ]]; then continue; fi
  started=$SECONDS
  echo "building $name $version"
  ( while sleep 4; do echo "  ... $name ($((SECONDS - started)) s)"; done ) &
  beat=$!
  trap 'kill "$beat" 2>/dev/null || true' EXIT
  CGO_ENABLED=0 go build -trimpath -ldflags "$flags" -o "$out/" "$package"
  kill "$beat" 2>/dev/null; wait "$beat" 2>/dev/null || true
done
echo "in $out:"
ls "$out"
