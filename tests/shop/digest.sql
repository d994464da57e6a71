-- One row for every table and materialized view of the user's schemas: name, rows, a hash over all rows in any order.
-- Equal digests mean equal contents, whatever the database it was.
\set ON_ERROR_STOP on
SELECT format('SELECT %L AS relation, count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) AS digest FROM %s t',
              n.nspname || '.' || c.relname, c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
ORDER BY n.nspname, c.relname
\gexec
