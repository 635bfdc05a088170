#!/bin/sh
# A role and a schema for each service, made once with the database. A role owns its schema, has it
# as its search path, and can do nothing else. Passwords come from the environment.
set -eu

create() { # service, password
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
        --dbname "$POSTGRES_DB" --set "service=$1" --set "role=pharos_$1" --set "password=$2" \
        --set "database=$POSTGRES_DB" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE :"database" TO :"role";
CREATE SCHEMA :"service" AUTHORIZATION :"role";
ALTER ROLE :"role" IN DATABASE :"database" SET search_path = :"service";
SQL
}

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" \
    --dbname "$POSTGRES_DB" --set "database=$POSTGRES_DB" <<'SQL'
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL

create targets "$PHAROS_TARGETS_PASSWORD"
create pipeline "$PHAROS_PIPELINE_PASSWORD"
create performance "$PHAROS_PERFORMANCE_PASSWORD"
create knowledge "$PHAROS_KNOWLEDGE_PASSWORD"
