#!/bin/sh
# Build the image and run it, for real: tests/acceptance/test_container.py against a daemon that this
# script starts and stops. For root on Debian; takes some minutes, and 20 GB under /var/tmp.
#
# Where there is a daemon already: make image, then WETREAD_TEST_IMAGE=… pytest tests/acceptance/test_container.py
set -eu
cd "$(dirname "$0")/.."
root=${WETREAD_DOCKER_ROOT:-/var/tmp/wetread-docker}
variant=${VARIANT:-cuda}

missing=""
command -v dockerd >/dev/null || missing="$missing docker.io"
command -v debootstrap >/dev/null || missing="$missing debootstrap"
if [ -n "$missing" ]; then
    policy=/usr/sbin/policy-rc.d
    made=""
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; made=yes; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    [ -z "$made" ] || rm -f "$policy"
fi

mkdir -p "$root"
export DOCKER_HOST="unix://$root/docker.sock"
dockerd --host "$DOCKER_HOST" --data-root "$root/data" --exec-root "$root/exec" \
    --pidfile "$root/dockerd.pid" --storage-driver overlay2 --iptables=false --bridge=none \
    >"$root/dockerd.log" 2>&1 &
daemon=$!
# What it mounted goes with it, so that the folder can be removed.
trap 'kill $daemon; wait $daemon || true; umount "$root/exec/netns/default" "$root/data" 2>/dev/null || true' EXIT
tries=0
until docker version >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 60 ] && kill -0 $daemon || { cat "$root/dockerd.log" >&2; exit 1; }
    sleep 1
done

# Stands in for python:3.11-slim. Certificates and package index are this machine's, and stay in the base.
if ! docker image inspect wetread-base:test >/dev/null 2>&1; then
    rm -rf "$root/base"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root/base" >/dev/null
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/base/etc/ssl/certs/"
    [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$root/base/etc/"
    tar -C "$root/base" -c . | docker import \
        --change 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' - wetread-base:test
    rm -rf "$root/base"
fi

make image IMAGE=wetread:test VARIANT="$variant" TORCH_INDEX_URL="${TORCH_INDEX_URL:-}" \
    BUILD_ARGS="--network host --build-arg BASE=wetread-base:test"
WETREAD_TEST_IMAGE=wetread:test .venv/bin/python -m pytest -q tests/acceptance/test_container.py
# The layers of the builder are of no further use; the image stays for the next time.
docker image prune --force >/dev/null
