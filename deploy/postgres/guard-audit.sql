-- Keeps a service from changing its own audit trail. Run by an administrator of the database after
-- each migration, once for each service:
--
--     psql --set ON_ERROR_STOP=1 --set service=pipeline -f guard-audit.sql <dsn>
--
-- The schema and all in it then belong to pharos_<service>_owner, which may not log in; the role of
-- the service may read and write, but only add to the sealed rows and blocks. Migrate as the owner:
-- in a session of an administrator, after SET ROLE, or by a login that is a member of it.
\set role pharos_ :service
\set owner pharos_ :service _owner

SELECT format('CREATE ROLE %I NOLOGIN', :'owner')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec
GRANT :"owner" TO CURRENT_USER;
GRANT CREATE ON DATABASE :"DBNAME" TO :"owner";

-- Partitions come along by themselves, as they are tables of the schema too.
SELECT format('ALTER %s %s OWNER TO %I', kind, name, :'owner')
  FROM (SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
               c.oid::regclass::text AS name
          FROM pg_class AS c
         WHERE c.relnamespace = :'service'::regnamespace
           AND (c.relkind IN ('r', 'p')
                OR c.relkind = 'S' AND NOT EXISTS (
                    SELECT FROM pg_depend AS d
                     WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
                       AND d.deptype IN ('a', 'i')))
         UNION ALL
        SELECT 'FUNCTION', p.oid::regprocedure::text
          FROM pg_proc AS p
         WHERE p.pronamespace = :'service'::regnamespace) AS thing \gexec
ALTER SCHEMA :"service" OWNER TO :"owner";

GRANT USAGE ON SCHEMA :"service" TO :"role";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA :"service" TO :"role";
SELECT format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM %I', c.oid::regclass, :'role')
  FROM pg_class AS c
 WHERE c.relnamespace = :'service'::regnamespace AND c.relkind IN ('r', 'p')
   AND (c.relname IN ('audit_row', 'audit_block') OR c.relname LIKE 'audit\_row\_%') \gexec

-- What makes and drops tables does so as the owner. A table of the trail is only reached through
-- the whole, on which the service may not change anything.
SELECT format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp',
              p.oid::regprocedure, :'service')
  FROM pg_proc AS p
 WHERE p.pronamespace = :'service'::regnamespace
   AND p.proname IN ('make_log_partition', 'drop_log_partitions', 'make_audit_part') \gexec
