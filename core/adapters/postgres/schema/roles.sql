-- Rights and settings of the roles: one for each function that uses the database, and one for analysts. `migrate` runs
-- this script after the migrations, so that new tables are covered; repeating the script changes nothing. Without
-- CREATEROLE the script creates no roles, but grants existing roles their rights and makes the settings it may make.
DO $$
DECLARE
    mine name := current_user;
    here name := current_schema();
    app name;
    setting text;
    views CONSTANT text := 'metrics, dollars, image_facts, urls, image_days, near_duplicates, blurry_uploads,
        days_by_source, days_by_format, days_by_code, days_by_pipeline, customer_days, customer_months,
        customer_months_by_source, customer_months_by_code, customer_months_by_pipeline, estimate_days, histogram_days,
        customer_histogram_months, latency_days, customer_latency_months, price_periods';
BEGIN
    FOREACH app IN ARRAY ARRAY['picture_perfect_record', 'picture_perfect_web', 'picture_perfect_analyst']::name[] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = app) THEN
            CONTINUE WHEN NOT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = mine);
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', app);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- a migration of another database on this server created it
            END;
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
                EXECUTE format('GRANT rds_iam TO %I', app);
            END IF;
        END IF;
        -- idle_session_timeout: a frozen Lambda function does not close its connection, and Aurora does not pause while
        -- a connection is open. The other time limits end an analyst's costly queries. IN DATABASE: other databases of
        -- the server may be migrated at the same time.
        FOREACH setting IN ARRAY ARRAY['idle_session_timeout = ''60s'''] || CASE app
            WHEN 'picture_perfect_analyst' THEN ARRAY['default_transaction_read_only = ''on''',
                'statement_timeout = ''30s''', 'idle_in_transaction_session_timeout = ''60s''', 'lock_timeout = ''5s''']
            ELSE '{}' END LOOP
            BEGIN
                EXECUTE format('ALTER ROLE %I IN DATABASE %I SET %s', app, current_database(), setting);
            EXCEPTION WHEN insufficient_privilege THEN
                RAISE NOTICE 'Not allowed to alter the role %. Its creator can run ALTER ROLE % SET %', app, app, setting;
            END;
        END LOOP;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', here, app);
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', here, app);
        IF app = 'picture_perfect_analyst' THEN
            EXECUTE format('GRANT SELECT ON %s TO %I', views, app);
        ELSE
            EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', here, app);
            EXECUTE format('REVOKE ALL ON schema_migrations FROM %I', app);
        END IF;
    END LOOP;
    -- The recorder writes rows and cannot alter tables. No role may delete images, tombstones or prices
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'picture_perfect_record') THEN
        GRANT INSERT, UPDATE ON images, tombstones TO picture_perfect_record;
        GRANT INSERT, UPDATE, DELETE ON renditions, rollup_days, rollup_months, rollup_histograms,
            rollup_customer_latencies TO picture_perfect_record;
    END IF;
    -- By default every role may create temporary tables, which fill the database's disk
    IF has_database_privilege('public', current_database(), 'TEMPORARY') THEN
        BEGIN
            EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'The owner of the database can run REVOKE TEMPORARY ON DATABASE % FROM PUBLIC', current_database();
        END;
    END IF;
    -- Only the recorder and the migrator may change sums
    REVOKE EXECUTE ON FUNCTION record(json, json, json), roll_up(images[], images[]), roll_up_anew() FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'picture_perfect_record') THEN
        GRANT EXECUTE ON FUNCTION record(json, json, json), roll_up(images[], images[]) TO picture_perfect_record;
    END IF;
END
$$
