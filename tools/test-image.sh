#!/bin/sh
# Build the image and run it, then compose.yaml, for real: the tests of both with a Docker that they
# start and stop. For root on Debian; takes a quarter of an hour, and 25 GB under /var/tmp. What is
# built stays there for the next time.
#
# Where there is a daemon already: make image, then WETREAD_TEST_IMAGE=… pytest tests/acceptance/test_container.py
set -eu
cd "$(dirname "$0")/.."

missing=""
for each in dockerd:docker.io docker-compose:docker-compose debootstrap:debootstrap ip:iproute2 iptables:iptables; do
    command -v "${each%%:*}" >/dev/null || missing="$missing ${each##*:}"
done
if [ -n "$missing" ]; then
    policy=/usr/sbin/policy-rc.d
    made=""
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; made=yes; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    [ -z "$made" ] || rm -f "$policy"
fi

export WETREAD_TEST_IMAGE=build WETREAD_DOCKER_ROOT="${WETREAD_DOCKER_ROOT:-/var/tmp/wetread-docker}"
exec .venv/bin/python -m pytest -q --capture=tee-sys --durations=8 \
    tests/acceptance/test_container.py tests/acceptance/test_compose.py "$@"
