#!/bin/sh
# Starts PostgreSQL as the current user; the first start makes the database. Its data is for tests: no fsync.
# Environment: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, PGDATA (a writable folder, or one to be made).
set -eu
: "${POSTGRES_USER:=shop}" "${POSTGRES_DB:=$POSTGRES_USER}" "${PGDATA:=/data/postgres}"
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

# PG_VERSION comes early in initdb, so a start that was cut short shows by the lack of our own mark.
if [ ! -e "$PGDATA/djangotasks-ready" ]; then
  : "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD}"
  rm -rf "${PGDATA:?}"/* && mkdir -p "$PGDATA"
  password=$(mktemp)
  printf '%s\n' "$POSTGRES_PASSWORD" > "$password"
  "$bin/initdb" --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile="$password" --encoding=UTF8 --locale=C.UTF-8 \
    --auth-host=scram-sha-256 --auth-local=trust --no-sync --no-instructions > /dev/null
  rm "$password"
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  if [ "$POSTGRES_DB" != postgres ]; then
    echo "CREATE DATABASE \"$POSTGRES_DB\"" | "$bin/postgres" --single -D "$PGDATA" -j postgres > /dev/null
  fi
  touch "$PGDATA/djangotasks-ready"
fi
exec "$bin/postgres" -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp \
  -c fsync=off -c full_page_writes=off -c synchronous_commit=off "$@"
