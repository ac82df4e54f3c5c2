-- Who may do what in the tables, by one database user for each function. Run at the end of each migration, so that new
-- tables are covered too; again is nothing. Where the migrator may not make users, those that are there get their rights.
DO $$
DECLARE
    mine name := current_user;
    app name;
BEGIN
    FOREACH app IN ARRAY ARRAY['picture_perfect_record', 'picture_perfect_web']::name[] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = app) THEN
            CONTINUE WHEN NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = mine);
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', app);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of this server is being migrated as well
            END;
            -- Frozen functions do not hang up, and Aurora does not pause while there is a connection
            EXECUTE format('ALTER ROLE %I SET idle_session_timeout = %L', app, '60s');
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
                EXECUTE format('GRANT rds_iam TO %I', app);
            END IF;
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), app);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', current_schema(), app);
        EXECUTE format('REVOKE ALL ON schema_migrations FROM %I', app);
    END LOOP;
    -- Rows, never the shape of the tables
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'picture_perfect_record') THEN
        EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO picture_perfect_record', current_schema());
        REVOKE ALL ON schema_migrations FROM picture_perfect_record;
    END IF;
END
$$
