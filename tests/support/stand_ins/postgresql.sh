#!/bin/sh
# What the official image's entry point does for an unprivileged user: a cluster on the first start.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s' "$POSTGRES_PASSWORD" >/tmp/password
    initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --encoding=UTF8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256 >/dev/null
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    pg_ctl --silent --wait --options='-c listen_addresses=' start
    psql="psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username $POSTGRES_USER"
    $psql --dbname postgres --command "CREATE DATABASE \"$POSTGRES_DB\""
    for each in /docker-entrypoint-initdb.d/*.sql; do
        [ ! -e "$each" ] || $psql --dbname "$POSTGRES_DB" --file "$each"
    done
    pg_ctl --silent --wait --mode fast stop
fi
exec "$@" -c listen_addresses='*'
