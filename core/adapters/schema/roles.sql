-- Who may do what in the tables, by one database user for each function, and one for analysts. Run at the end of each
-- migration, so that new tables are covered too; again is nothing. Where the migrator may not make users, those that are
-- there get their rights.
DO $$
DECLARE
    mine name := current_user;
    here name := current_schema();
    app name;
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
                NULL;  -- another database of this server is being migrated as well
            END;
            -- Frozen functions do not hang up, and Aurora does not pause while there is a connection
            EXECUTE format('ALTER ROLE %I SET idle_session_timeout = %L', app, '60s');
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_iam') THEN
                EXECUTE format('GRANT rds_iam TO %I', app);
            END IF;
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', here, app);
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', here, app);
        IF app = 'picture_perfect_analyst' THEN
            EXECUTE format('GRANT SELECT ON %s TO %I', views, app);
        ELSE
            EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', here, app);
            EXECUTE format('REVOKE ALL ON schema_migrations FROM %I', app);
        END IF;
    END LOOP;
    -- Rows, never the shape of the tables; and no image, tombstone or price is ever removed
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'picture_perfect_record') THEN
        GRANT INSERT, UPDATE ON images, tombstones TO picture_perfect_record;
        GRANT INSERT, UPDATE, DELETE ON renditions, rollup_days, rollup_months, rollup_histograms,
            rollup_customer_latencies TO picture_perfect_record;
    END IF;
    -- Sums are the recorder's and the migrator's to change
    REVOKE EXECUTE ON FUNCTION record(json, json, json), roll_up(images[], images[]), roll_up_anew() FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'picture_perfect_record') THEN
        GRANT EXECUTE ON FUNCTION record(json, json, json), roll_up(images[], images[]) TO picture_perfect_record;
    END IF;
END
$$
