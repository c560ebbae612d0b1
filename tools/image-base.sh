#!/bin/sh
# tools/image-base.sh NAME: a Debian with Python from debootstrap, for Docker. It stands in for
# python:3.11-slim where no registry of images can be reached. The certificates and the package
# index are this machine's.
set -eu
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/wetread-base-XXXXXX")
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$folder" >/dev/null
rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
cp -L /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$folder/etc/"
tar -C "$folder" -c . | docker import --change 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' - "$1"
