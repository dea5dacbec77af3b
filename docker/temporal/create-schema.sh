#!/bin/sh
# Creates Temporal's two databases in Postgres and brings each schema up to date. May run again.
set -eu

# tool DATABASE ARGUMENTS...
tool() {
  database=$1
  shift
  temporal-sql-tool --plugin "$DB" --ep "$POSTGRES_SEEDS" -u "$POSTGRES_USER" -p "$DB_PORT" --db "$database" "$@"
}

# bring_up DATABASE SCHEMA_FOLDER
bring_up() {
  tool "$1" create
  tool "$1" setup-schema -v 0.0
  tool "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

bring_up temporal temporal
bring_up temporal_visibility visibility
