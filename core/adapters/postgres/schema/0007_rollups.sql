-- Sums of each day and each month, kept by the recorder in the transaction that writes the images: what panels read
-- again and again, so that they touch as many rows for a million images as for some thousands. An image is in them once
-- for each dimension, as its highest run left it; what is erased or expires stays counted. What is measured is summed as
-- `numeric`, which has no end: a sum that is full would refuse all that comes after.

CREATE TABLE rollup_days (
    dimension             text NOT NULL,
    customer              text NOT NULL,
    day                   date NOT NULL,
    value                 text NOT NULL,
    route                 text NOT NULL,
    machine               text NOT NULL,
    images                bigint NOT NULL,
    failed                bigint NOT NULL,
    outputs               bigint NOT NULL,
    bytes_in              numeric NOT NULL,
    bytes_out             numeric NOT NULL,
    bytes_saved           numeric NOT NULL,
    pixels                numeric NOT NULL,
    seconds_us            numeric NOT NULL,
    cpu_us                numeric NOT NULL,
    latency_us            numeric NOT NULL,
    gb_us                 numeric NOT NULL,
    vcpu_us               numeric NOT NULL,
    estimated             bigint NOT NULL,
    estimated_cpu_us      numeric NOT NULL,
    true_cpu_us           numeric NOT NULL,
    estimated_peak_kb     numeric NOT NULL,
    true_peak_kb          numeric NOT NULL,
    beyond_time           bigint NOT NULL,
    beyond_memory         bigint NOT NULL,
    PRIMARY KEY (dimension, customer, day, value, route, machine)
) WITH (fillfactor = 70);
CREATE INDEX rollup_days_by_day ON rollup_days (dimension, day);
CREATE TABLE rollup_months (
    dimension             text NOT NULL,
    customer              text NOT NULL,
    month                 date NOT NULL,
    value                 text NOT NULL,
    route                 text NOT NULL,
    machine               text NOT NULL,
    images                bigint NOT NULL,
    failed                bigint NOT NULL,
    outputs               bigint NOT NULL,
    bytes_in              numeric NOT NULL,
    bytes_out             numeric NOT NULL,
    bytes_saved           numeric NOT NULL,
    pixels                numeric NOT NULL,
    seconds_us            numeric NOT NULL,
    cpu_us                numeric NOT NULL,
    latency_us            numeric NOT NULL,
    gb_us                 numeric NOT NULL,
    vcpu_us               numeric NOT NULL,
    estimated             bigint NOT NULL,
    estimated_cpu_us      numeric NOT NULL,
    true_cpu_us           numeric NOT NULL,
    estimated_peak_kb     numeric NOT NULL,
    true_peak_kb          numeric NOT NULL,
    beyond_time           bigint NOT NULL,
    beyond_memory         bigint NOT NULL,
    PRIMARY KEY (dimension, customer, month, value, route, machine)
) WITH (fillfactor = 70);
CREATE INDEX rollup_months_by_month ON rollup_months (dimension, month);
CREATE TABLE rollup_histograms (
    name     text NOT NULL,
    day      date NOT NULL,
    route    text NOT NULL,
    bucket   integer NOT NULL,
    images   bigint NOT NULL,
    PRIMARY KEY (name, day, route, bucket)
) WITH (fillfactor = 70);
-- Apart from the days': there are as many rows as customers have months, and a panel of all days would read past them.
CREATE TABLE rollup_customer_latencies (
    customer text NOT NULL,
    month    date NOT NULL,
    route    text NOT NULL,
    bucket   integer NOT NULL,
    images   bigint NOT NULL,
    PRIMARY KEY (customer, month, route, bucket)
) WITH (fillfactor = 70);

-- What is summed up of one image, and under what: whole numbers, so that sums are exact in whatever order.
CREATE TYPE quantity AS (
    customer text, day date, month date, source text, route text, machine text, format text, pipeline text, code text,
    failed bigint, outputs bigint, bytes_in bigint, bytes_out bigint, bytes_saved bigint, pixels bigint,
    seconds_us bigint, cpu_us bigint, latency_us bigint, gb_us bigint, vcpu_us bigint, estimated bigint,
    estimated_cpu_us bigint, true_cpu_us bigint, estimated_peak_kb bigint, true_peak_kb bigint, beyond_time bigint,
    beyond_memory bigint, cpu_time_ratio double precision
);
-- What one image may add: a header may claim any sides, and a clock any year. More than `most` counts as that, less than
-- nothing as nothing; so does what is too little to be multiplied.
CREATE FUNCTION bounded(value double precision, most double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value > 1e-9 THEN least(value, most) ELSE 0 END
$$;
CREATE FUNCTION bounded_bytes(value bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value > 0 THEN least(value, 1000000000000) ELSE 0 END
$$;
COMMENT ON FUNCTION bounded IS 'A number that an image says, as far as it is believed';
COMMENT ON FUNCTION bounded_bytes IS 'Bytes that an image says, as far as they are believed: a terabyte';

-- A name that is no pipeline's is anybody's to choose: `other`, as a format that nobody knows is. What is cut short here
-- is a closed list, or becomes one.
CREATE FUNCTION quantities(i images) RETURNS SETOF quantity LANGUAGE sql STABLE AS $$
    SELECT i.customer, d.day, date_trunc('month', d.day::timestamp)::date, i.door, i.route,
           CASE WHEN i.machine IS NULL THEN '' WHEN i.machine = 'aarch64' THEN 'aarch64' ELSE 'x86_64' END,
           CASE WHEN length(i.format) <= 63 THEN i.format ELSE 'other' END,
           CASE WHEN i.code = 'unknown_pipeline' OR i.pipeline !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' THEN 'other'
                ELSE i.pipeline END,
           coalesce(i.code, ''),
           (i.status = 'failed')::integer::bigint, i.outputs::bigint, bounded_bytes(i.source_bytes),
           bounded_bytes(i.bytes_out),
           CASE WHEN i.largest_bytes IS NULL THEN 0
                ELSE bounded_bytes(i.source_bytes) - bounded_bytes(i.largest_bytes) END,
           bounded(i.width::double precision * i.height * i.frames, 1e12)::bigint,
           round(bounded(i.seconds, 1e8) * 1000000)::bigint, round(bounded(i.cpu_seconds, 1e8) * 1000000)::bigint,
           (least(greatest(extract(epoch FROM i.committed_at - i.received_at), 0), 10000000) * 1000000)::bigint,
           round(bounded(i.billed_seconds, 1e8) * bounded(i.memory_mb, 1e6) / 1024 * 1000000)::bigint,
           CASE WHEN i.route = 'batch' THEN round(bounded(i.billed_seconds, 1e8) * bounded(i.vcpus, 1e4) * 1000000)::bigint
                ELSE 0 END,
           e.known,
           CASE WHEN e.known = 1 THEN round(bounded(i.estimated_cpu_seconds, 1e8) * 1000000)::bigint ELSE 0 END,
           CASE WHEN e.known = 1 THEN round(bounded(i.cpu_seconds, 1e8) * 1000000)::bigint ELSE 0 END,
           CASE WHEN e.known = 1 THEN bounded_bytes(i.estimated_peak_bytes) / 1024 ELSE 0 END,
           CASE WHEN e.known = 1 THEN bounded_bytes(i.peak_bytes) / 1024 ELSE 0 END,
           (e.known = 1 AND i.cpu_seconds > i.estimated_cpu_seconds_upper)::integer::bigint,
           (e.known = 1 AND i.peak_bytes > i.estimated_peak_bytes_upper)::integer::bigint,
           CASE WHEN e.known = 1 THEN bounded(i.cpu_seconds, 1e8) / i.estimated_cpu_seconds_upper END
      FROM (SELECT (i.committed_at AT TIME ZONE 'UTC')::date AS day) d,
           (SELECT (i.status = 'processed' AND coalesce(
                       i.estimated_cpu_seconds_upper > 1e-9 AND i.estimated_peak_bytes_upper > 0, false))::integer::bigint AS known) e
$$;
COMMENT ON FUNCTION quantities IS 'What is summed up of one image, and under what';

CREATE FUNCTION bucket_of(value double precision) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value <= 1e-4 THEN -40 WHEN value >= 1e7 THEN 70 ELSE floor(10 * log(value))::integer END
$$;
COMMENT ON FUNCTION bucket_of IS 'The bucket of a histogram that a value falls into';

-- Count what came and take back what it replaces. Rows are locked in the order of their keys, table after table, so that
-- recorders wait for each other and never in a circle. Call it last in a transaction: all of them meet here.
CREATE FUNCTION roll_up(added images[], removed images[]) RETURNS void LANGUAGE plpgsql 
SET work_mem = '64MB' AS $$
DECLARE
    plus quantity[];
    minus quantity[];
BEGIN
    SELECT coalesce(array_agg(q), '{}') INTO plus FROM unnest(added) i, quantities(i) q;
    SELECT coalesce(array_agg(q), '{}') INTO minus FROM unnest(removed) i, quantities(i) q;
    INSERT INTO rollup_days AS r
    SELECT CASE WHEN grouping(source) = 0 THEN 'source' WHEN grouping(customer) = 0 THEN 'customer'
                WHEN grouping(format) = 0 THEN 'format' WHEN grouping(code) = 0 THEN 'code' ELSE 'pipeline' END,
           coalesce(customer, ''), day, coalesce(source, format, code, pipeline), route, machine,
           sum(sign), sum(sign * failed), sum(sign * outputs), sum(sign * bytes_in), sum(sign * bytes_out),
           sum(sign * bytes_saved), sum(sign * pixels), sum(sign * seconds_us), sum(sign * cpu_us),
           sum(sign * latency_us), sum(sign * gb_us), sum(sign * vcpu_us), sum(sign * estimated),
           sum(sign * estimated_cpu_us), sum(sign * true_cpu_us), sum(sign * estimated_peak_kb),
           sum(sign * true_peak_kb), sum(sign * beyond_time), sum(sign * beyond_memory)
      FROM (SELECT 1 AS sign, p.* FROM unnest(plus) p UNION ALL SELECT -1, m.* FROM unnest(minus) m) changes
     GROUP BY day, route, machine, GROUPING SETS ((source), (customer, format), (format), (code), (pipeline))
     ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (dimension, customer, day, value, route, machine) DO UPDATE SET
        images = r.images + excluded.images, failed = r.failed + excluded.failed,
        outputs = r.outputs + excluded.outputs, bytes_in = r.bytes_in + excluded.bytes_in,
        bytes_out = r.bytes_out + excluded.bytes_out, bytes_saved = r.bytes_saved + excluded.bytes_saved,
        pixels = r.pixels + excluded.pixels, seconds_us = r.seconds_us + excluded.seconds_us,
        cpu_us = r.cpu_us + excluded.cpu_us,
        latency_us = r.latency_us + excluded.latency_us,
        gb_us = r.gb_us + excluded.gb_us, vcpu_us = r.vcpu_us + excluded.vcpu_us,
        estimated = r.estimated + excluded.estimated,
        estimated_cpu_us = r.estimated_cpu_us + excluded.estimated_cpu_us,
        true_cpu_us = r.true_cpu_us + excluded.true_cpu_us,
        estimated_peak_kb = r.estimated_peak_kb + excluded.estimated_peak_kb,
        true_peak_kb = r.true_peak_kb + excluded.true_peak_kb, beyond_time = r.beyond_time + excluded.beyond_time,
        beyond_memory = r.beyond_memory + excluded.beyond_memory;

    INSERT INTO rollup_months AS r
    SELECT CASE WHEN grouping(source) = 0 THEN 'source' WHEN grouping(code) = 0 THEN 'code' ELSE 'pipeline' END,
           customer, month, coalesce(source, code, pipeline), route, machine,
           sum(sign), sum(sign * failed), sum(sign * outputs), sum(sign * bytes_in), sum(sign * bytes_out),
           sum(sign * bytes_saved), sum(sign * pixels), sum(sign * seconds_us), sum(sign * cpu_us),
           sum(sign * latency_us), sum(sign * gb_us), sum(sign * vcpu_us), sum(sign * estimated),
           sum(sign * estimated_cpu_us), sum(sign * true_cpu_us), sum(sign * estimated_peak_kb),
           sum(sign * true_peak_kb), sum(sign * beyond_time), sum(sign * beyond_memory)
      FROM (SELECT 1 AS sign, p.* FROM unnest(plus) p UNION ALL SELECT -1, m.* FROM unnest(minus) m) changes
     GROUP BY month, route, machine, customer, GROUPING SETS ((source), (code), (pipeline))
     ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (dimension, customer, month, value, route, machine) DO UPDATE SET
        images = r.images + excluded.images, failed = r.failed + excluded.failed,
        outputs = r.outputs + excluded.outputs, bytes_in = r.bytes_in + excluded.bytes_in,
        bytes_out = r.bytes_out + excluded.bytes_out, bytes_saved = r.bytes_saved + excluded.bytes_saved,
        pixels = r.pixels + excluded.pixels, seconds_us = r.seconds_us + excluded.seconds_us,
        cpu_us = r.cpu_us + excluded.cpu_us,
        latency_us = r.latency_us + excluded.latency_us,
        gb_us = r.gb_us + excluded.gb_us, vcpu_us = r.vcpu_us + excluded.vcpu_us,
        estimated = r.estimated + excluded.estimated,
        estimated_cpu_us = r.estimated_cpu_us + excluded.estimated_cpu_us,
        true_cpu_us = r.true_cpu_us + excluded.true_cpu_us,
        estimated_peak_kb = r.estimated_peak_kb + excluded.estimated_peak_kb,
        true_peak_kb = r.true_peak_kb + excluded.true_peak_kb, beyond_time = r.beyond_time + excluded.beyond_time,
        beyond_memory = r.beyond_memory + excluded.beyond_memory;

    INSERT INTO rollup_histograms AS r
    SELECT h.name, day, route, bucket_of(h.value), sum(sign)
      FROM (SELECT 1 AS sign, p.* FROM unnest(plus) p UNION ALL SELECT -1, m.* FROM unnest(minus) m) changes,
           LATERAL (VALUES ('Latency', latency_us / 1e6::double precision),
                           ('Duration', seconds_us / 1e6::double precision),
                           ('CpuTimeRatio', cpu_time_ratio)) h (name, value)
     WHERE h.value IS NOT NULL
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (name, day, route, bucket) DO UPDATE SET images = r.images + excluded.images;

    INSERT INTO rollup_customer_latencies AS r
    SELECT customer, month, route, bucket_of(latency_us / 1e6::double precision), sum(sign)
      FROM (SELECT 1 AS sign, p.* FROM unnest(plus) p UNION ALL SELECT -1, m.* FROM unnest(minus) m) changes
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (customer, month, route, bucket) DO UPDATE SET images = r.images + excluded.images;

    IF cardinality(minus) > 0 THEN  -- a sum of nothing is no row: a database made anew has none
        DELETE FROM rollup_days r USING (SELECT DISTINCT day, customer FROM unnest(minus)) m
         WHERE r.images = 0 AND r.day = m.day AND (r.dimension, r.customer) IN
               (('source', ''), ('format', ''), ('code', ''), ('pipeline', ''), ('customer', m.customer));
        DELETE FROM rollup_months r USING (SELECT DISTINCT month, customer FROM unnest(minus)) m
         WHERE r.images = 0 AND r.month = m.month AND r.customer = m.customer
           AND r.dimension IN ('source', 'code', 'pipeline');
        DELETE FROM rollup_histograms r USING (SELECT DISTINCT day FROM unnest(minus)) m
         WHERE r.images = 0 AND r.name IN ('Latency', 'Duration', 'CpuTimeRatio') AND r.day = m.day;
        DELETE FROM rollup_customer_latencies r USING (SELECT DISTINCT month, customer FROM unnest(minus)) m
         WHERE r.images = 0 AND r.customer = m.customer AND r.month = m.month;
    END IF;
END
$$;
COMMENT ON FUNCTION roll_up IS 'Add what came to the sums of days and months, and take back what it replaces';

-- All of it anew, from the images, a day after the other. Nobody needs it but a migration, and who changed rows by hand.
CREATE FUNCTION roll_up_anew() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one date;
    part images[];
BEGIN
    LOCK TABLE images IN SHARE MODE;
    DELETE FROM rollup_days;
    DELETE FROM rollup_months;
    DELETE FROM rollup_histograms;
    DELETE FROM rollup_customer_latencies;
    FOR one IN SELECT DISTINCT (committed_at AT TIME ZONE 'UTC')::date FROM images LOOP
        FOR part IN SELECT array_agg(i) FROM (
                        SELECT images AS i, row_number() OVER () / 5000 AS number FROM images
                         WHERE (committed_at AT TIME ZONE 'UTC')::date = one) numbered GROUP BY number LOOP
            PERFORM roll_up(part, '{}');
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION roll_up_anew IS 'Make the sums anew from the images';

SELECT roll_up_anew();

COMMENT ON TABLE rollup_days IS 'Sums of each day, kept by the recorder: every image is in it once for each dimension';
COMMENT ON COLUMN rollup_days.dimension IS 'By what it is counted: source, format, code, pipeline; or customer, which is by customer and format';
COMMENT ON COLUMN rollup_days.customer IS 'Whose; empty: everybody''s';
COMMENT ON COLUMN rollup_days.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN rollup_days.value IS 'Its value: the door, the format, the code (empty: processed) or the pipeline (other: there was none of that name)';
COMMENT ON COLUMN rollup_days.route IS 'Where it was worked on';
COMMENT ON COLUMN rollup_days.machine IS 'The architecture; empty: no machine spoke for it';
COMMENT ON COLUMN rollup_days.images IS 'Images that ended';
COMMENT ON COLUMN rollup_days.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN rollup_days.outputs IS 'Renditions made';
COMMENT ON COLUMN rollup_days.bytes_in IS 'Bytes of the sources';
COMMENT ON COLUMN rollup_days.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN rollup_days.bytes_saved IS 'Bytes of the sources less those of each image''s largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN rollup_days.pixels IS 'Pixels of the sources, all frames';
COMMENT ON COLUMN rollup_days.seconds_us IS 'Wall-clock microseconds in the worker';
COMMENT ON COLUMN rollup_days.cpu_us IS 'CPU microseconds of the worker';
COMMENT ON COLUMN rollup_days.latency_us IS 'Microseconds from arrival to commit';
COMMENT ON COLUMN rollup_days.gb_us IS 'GB of the machine''s memory, times the microseconds that are paid for';
COMMENT ON COLUMN rollup_days.vcpu_us IS 'vCPUs of a Batch job, times the microseconds that are paid for';
COMMENT ON COLUMN rollup_days.estimated IS 'Processed images that had an estimate';
COMMENT ON COLUMN rollup_days.estimated_cpu_us IS 'CPU microseconds that those were estimated to take';
COMMENT ON COLUMN rollup_days.true_cpu_us IS 'CPU microseconds that those took';
COMMENT ON COLUMN rollup_days.estimated_peak_kb IS 'Peak memory that those were estimated to take, added up, in KiB';
COMMENT ON COLUMN rollup_days.true_peak_kb IS 'Peak memory that those took, added up, in KiB';
COMMENT ON COLUMN rollup_days.beyond_time IS 'Those that took more CPU than their upper estimate';
COMMENT ON COLUMN rollup_days.beyond_memory IS 'Those that took more memory than their upper estimate';
COMMENT ON TABLE rollup_months IS 'Sums of each month, kept by the recorder: every image is in it once for each dimension';
COMMENT ON COLUMN rollup_months.dimension IS 'By what it is counted: source, code or pipeline';
COMMENT ON COLUMN rollup_months.customer IS 'Whose';
COMMENT ON COLUMN rollup_months.month IS 'The first day of the month of the commit, UTC';
COMMENT ON COLUMN rollup_months.value IS 'Its value: the door, the format, the code (empty: processed) or the pipeline (other: there was none of that name)';
COMMENT ON COLUMN rollup_months.route IS 'Where it was worked on';
COMMENT ON COLUMN rollup_months.machine IS 'The architecture; empty: no machine spoke for it';
COMMENT ON COLUMN rollup_months.images IS 'Images that ended';
COMMENT ON COLUMN rollup_months.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN rollup_months.outputs IS 'Renditions made';
COMMENT ON COLUMN rollup_months.bytes_in IS 'Bytes of the sources';
COMMENT ON COLUMN rollup_months.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN rollup_months.bytes_saved IS 'Bytes of the sources less those of each image''s largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN rollup_months.pixels IS 'Pixels of the sources, all frames';
COMMENT ON COLUMN rollup_months.seconds_us IS 'Wall-clock microseconds in the worker';
COMMENT ON COLUMN rollup_months.cpu_us IS 'CPU microseconds of the worker';
COMMENT ON COLUMN rollup_months.latency_us IS 'Microseconds from arrival to commit';
COMMENT ON COLUMN rollup_months.gb_us IS 'GB of the machine''s memory, times the microseconds that are paid for';
COMMENT ON COLUMN rollup_months.vcpu_us IS 'vCPUs of a Batch job, times the microseconds that are paid for';
COMMENT ON COLUMN rollup_months.estimated IS 'Processed images that had an estimate';
COMMENT ON COLUMN rollup_months.estimated_cpu_us IS 'CPU microseconds that those were estimated to take';
COMMENT ON COLUMN rollup_months.true_cpu_us IS 'CPU microseconds that those took';
COMMENT ON COLUMN rollup_months.estimated_peak_kb IS 'Peak memory that those were estimated to take, added up, in KiB';
COMMENT ON COLUMN rollup_months.true_peak_kb IS 'Peak memory that those took, added up, in KiB';
COMMENT ON COLUMN rollup_months.beyond_time IS 'Those that took more CPU than their upper estimate';
COMMENT ON COLUMN rollup_months.beyond_memory IS 'Those that took more memory than their upper estimate';
COMMENT ON TABLE rollup_histograms IS 'How many images of a day took how long, in buckets that can be added up';
COMMENT ON COLUMN rollup_histograms.name IS 'Latency, Duration or CpuTimeRatio, as in the metrics';
COMMENT ON COLUMN rollup_histograms.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN rollup_histograms.route IS 'Where it was worked on';
COMMENT ON COLUMN rollup_histograms.bucket IS 'n: from 10^(n/10) to 10^((n+1)/10); -40 also holds what is less, 70 what is more';
COMMENT ON COLUMN rollup_histograms.images IS 'How many';
COMMENT ON TABLE rollup_customer_latencies IS 'How many of a customer''s images of a month took how long from arrival to commit';
COMMENT ON COLUMN rollup_customer_latencies.customer IS 'Whose';
COMMENT ON COLUMN rollup_customer_latencies.month IS 'The first day of the month of the commit, UTC';
COMMENT ON COLUMN rollup_customer_latencies.route IS 'Where it was worked on';
COMMENT ON COLUMN rollup_customer_latencies.bucket IS 'As in rollup_histograms';
COMMENT ON COLUMN rollup_customer_latencies.images IS 'How many';
