-- What analysts and panels read: no file names, no keys of sources, no sentences that may hold either. `source` is the
-- door in all of them, as in the metrics. Dollars are quantities times the prices of their day; no dollar is stored.

CREATE FUNCTION bucket_start(bucket integer) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT 10 ^ (bucket / 10.0::double precision)
$$;
-- S3 removes objects at the midnight, UTC, after their last day
CREATE FUNCTION expires_at(made_at timestamptz, days integer) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT (date_trunc('day', made_at AT TIME ZONE 'UTC') + make_interval(days => days + 1)) AT TIME ZONE 'UTC'
$$;
COMMENT ON FUNCTION bucket_start IS 'The lower end of a bucket of a histogram';
COMMENT ON FUNCTION expires_at IS 'When S3 removes an object that was made at a time and is kept for days; null: never';

CREATE VIEW metrics AS
SELECT i.committed_at AS time, m.name, m.value::double precision AS value, m.unit, i.door AS source, i.route,
       q.format, i.status, i.code, i.customer, q.pipeline, i.image_id
  FROM images i, LATERAL quantities(i) q, LATERAL (VALUES
           ('Images', 1, 'Count'),
           ('Failed', nullif(q.failed, 0), 'Count'),
           ('Renditions', q.outputs, 'Count'),
           ('BytesIn', q.bytes_in, 'Bytes'),
           ('BytesOut', q.bytes_out, 'Bytes'),
           ('Duration', i.seconds, 'Seconds'),
           ('Latency', greatest(extract(epoch FROM i.committed_at - i.received_at), 0), 'Seconds'),
           ('CpuTime', i.cpu_seconds, 'Seconds'),
           ('PeakMemory', i.peak_bytes, 'Bytes'),
           ('CpuTimeRatio', q.cpu_time_ratio, 'None'),
           ('PeakMemoryRatio', CASE WHEN q.estimated = 1 THEN i.peak_bytes / i.estimated_peak_bytes_upper::double precision END,
            'None')
       ) m (name, value, unit)
 WHERE m.value IS NOT NULL;

CREATE VIEW dollars AS
SELECT i.committed_at AS time, i.image_id, i.customer, i.door AS source, i.route, i.tier, q.pipeline,
       q.format, i.status, c.compute, c.requests, c.storage,
       c.compute + c.requests + c.storage AS total
  FROM images i, LATERAL quantities(i) q
  LEFT JOIN price_periods p ON q.day >= p.since AND q.day < p.until AND p.route = q.route AND p.machine = q.machine,
       LATERAL (SELECT (q.gb_us * p.gb_second + q.vcpu_us * p.vcpu_second) / 1000000 + p.request AS compute,
                       (q.outputs + 2) * p.put + 3 * p.get AS requests,
                       (q.bytes_in + q.bytes_out) / 1073741824.0 * p.gb_kept AS storage) c;

CREATE VIEW image_facts AS
SELECT i.image_id, i.run, i.customer, q.pipeline, i.door AS source, i.route, i.tier, i.machine, i.memory_mb, i.vcpus,
       i.status, i.code, q.format, i.width, i.height, i.channels, i.depth, i.frames,
       q.outputs, q.bytes_in, q.bytes_out, q.bytes_saved, i.received_at, i.committed_at,
       greatest(extract(epoch FROM i.committed_at - i.received_at), 0) AS latency_seconds, i.seconds,
       i.cpu_seconds, i.peak_bytes, i.billed_seconds, i.estimated_cpu_seconds, i.estimated_cpu_seconds_upper,
       i.estimated_peak_bytes, i.estimated_peak_bytes_upper, i.perceptual_hash,
       CASE WHEN jsonb_typeof(i.measurements -> 'sharpness') = 'number'
            THEN bounded((i.measurements ->> 'sharpness')::double precision, 1e18) END AS sharpness,
       i.version, i.erased_at, expires_at(i.committed_at, k.days) AS expires_at
  FROM images i CROSS JOIN (SELECT days FROM retention ORDER BY valid_from DESC LIMIT 1) k, LATERAL quantities(i) q;

CREATE VIEW urls WITH (security_barrier) AS
SELECT r.image_id, i.customer, i.committed_at, i.pipeline, r.name AS rendition, r.format, r.width, r.height, r.frames,
       r.bytes, r.url, expires_at(i.committed_at, k.days) AS expires_at
  FROM renditions r JOIN images i USING (image_id)
 CROSS JOIN (SELECT days FROM retention ORDER BY valid_from DESC LIMIT 1) k
 WHERE coalesce(expires_at(i.committed_at, k.days) > now(), true);

CREATE VIEW image_days AS
SELECT (committed_at AT TIME ZONE 'UTC')::date AS day, customer, source, route, format, pipeline, status, code,
       count(*) AS images, sum(outputs) AS outputs, sum(bytes_in) AS bytes_in, sum(bytes_out) AS bytes_out,
       sum(bytes_saved) AS bytes_saved, sum(seconds) AS seconds, sum(cpu_seconds) AS cpu_seconds,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_seconds::double precision) AS latency_p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_seconds::double precision) AS latency_p95,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY latency_seconds::double precision) AS latency_p99
  FROM image_facts GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;

-- Pairs of one customer's pictures of which ten bits of 64 or fewer differ. Each is held against each, so that
-- the time grows with the square of the pictures: ask for one image, or bound both sides by time.
CREATE VIEW near_duplicates AS
SELECT a.customer, a.image_id, b.image_id AS other_id, bit_count(a.perceptual_hash # b.perceptual_hash)::integer AS distance,
       a.committed_at, b.committed_at AS other_committed_at
  FROM images a JOIN images b ON b.customer = a.customer AND b.image_id <> a.image_id
 WHERE a.erased_at IS NULL AND b.erased_at IS NULL AND bit_count(a.perceptual_hash # b.perceptual_hash) <= 10;

-- Less than a tenth of what is usual for the customer's pictures in that pipeline
CREATE VIEW blurry_uploads AS
SELECT customer, pipeline, image_id, committed_at, sharpness, usual, sharpness / usual AS share
  FROM (SELECT customer, pipeline, image_id, committed_at, sharpness FROM image_facts WHERE erased_at IS NULL) f
  JOIN (SELECT customer, pipeline, percentile_cont(0.5) WITHIN GROUP (ORDER BY sharpness) AS usual
          FROM image_facts WHERE sharpness IS NOT NULL AND erased_at IS NULL GROUP BY 1, 2) u USING (customer, pipeline)
 WHERE sharpness < usual / 10;

-- The sums with their dollars, every image as often as there are dimensions: the views below choose one each.
CREATE VIEW priced_days AS
SELECT r.*,
       (r.gb_us * p.gb_second + r.vcpu_us * p.vcpu_second) / 1000000 + r.images * p.request AS compute_usd,
       (r.outputs + 2 * r.images) * p.put + 3 * r.images * p.get AS requests_usd,
       (r.bytes_in + r.bytes_out) / 1073741824.0 * p.gb_kept AS storage_usd
  FROM rollup_days r
  LEFT JOIN price_periods p ON r.day >= p.since AND r.day < p.until AND p.route = r.route AND p.machine = r.machine;

CREATE VIEW days_by_source AS
SELECT day, value AS source, route, machine,
       sum(images)::bigint AS images, sum(failed)::bigint AS failed, sum(outputs)::bigint AS outputs,
       sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out, sum(bytes_saved)::bigint AS bytes_saved,
       sum(pixels) / 1000000 AS megapixels, sum(seconds_us) / 1000000 AS seconds, sum(cpu_us) / 1000000 AS cpu_seconds,
       sum(latency_us) / 1000000 AS latency_seconds, sum(compute_usd) AS compute_usd,
       sum(requests_usd) AS requests_usd, sum(storage_usd) AS storage_usd,
       sum(compute_usd + requests_usd + storage_usd) AS usd
  FROM priced_days WHERE dimension = 'source' GROUP BY day, value, route, machine;

CREATE VIEW days_by_format AS
SELECT day, value AS format, route,
       sum(images)::bigint AS images, sum(failed)::bigint AS failed, sum(outputs)::bigint AS outputs,
       sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out, sum(bytes_saved)::bigint AS bytes_saved,
       sum(pixels) / 1000000 AS megapixels, sum(seconds_us) / 1000000 AS seconds, sum(cpu_us) / 1000000 AS cpu_seconds,
       sum(latency_us) / 1000000 AS latency_seconds, sum(compute_usd) AS compute_usd,
       sum(requests_usd) AS requests_usd, sum(storage_usd) AS storage_usd,
       sum(compute_usd + requests_usd + storage_usd) AS usd
  FROM priced_days WHERE dimension = 'format' GROUP BY day, value, route;

CREATE VIEW days_by_code AS
SELECT day, CASE WHEN value = '' THEN 'processed' ELSE 'failed' END AS status, nullif(value, '') AS code, route,
       sum(images)::bigint AS images, sum(failed)::bigint AS failed, sum(outputs)::bigint AS outputs,
       sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out, sum(bytes_saved)::bigint AS bytes_saved,
       sum(pixels) / 1000000 AS megapixels, sum(seconds_us) / 1000000 AS seconds, sum(cpu_us) / 1000000 AS cpu_seconds,
       sum(latency_us) / 1000000 AS latency_seconds, sum(compute_usd) AS compute_usd,
       sum(requests_usd) AS requests_usd, sum(storage_usd) AS storage_usd,
       sum(compute_usd + requests_usd + storage_usd) AS usd
  FROM priced_days WHERE dimension = 'code' GROUP BY day, value, route;

CREATE VIEW days_by_pipeline AS
SELECT day, value AS pipeline, route,
       sum(images)::bigint AS images, sum(failed)::bigint AS failed, sum(outputs)::bigint AS outputs,
       sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out, sum(bytes_saved)::bigint AS bytes_saved,
       sum(pixels) / 1000000 AS megapixels, sum(seconds_us) / 1000000 AS seconds, sum(cpu_us) / 1000000 AS cpu_seconds,
       sum(latency_us) / 1000000 AS latency_seconds, sum(compute_usd) AS compute_usd,
       sum(requests_usd) AS requests_usd, sum(storage_usd) AS storage_usd,
       sum(compute_usd + requests_usd + storage_usd) AS usd
  FROM priced_days WHERE dimension = 'pipeline' GROUP BY day, value, route;

CREATE VIEW customer_days AS
SELECT customer, day, value AS format, route,
       sum(images)::bigint AS images, sum(failed)::bigint AS failed, sum(outputs)::bigint AS outputs,
       sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out, sum(bytes_saved)::bigint AS bytes_saved,
       sum(pixels) / 1000000 AS megapixels, sum(seconds_us) / 1000000 AS seconds, sum(cpu_us) / 1000000 AS cpu_seconds,
       sum(latency_us) / 1000000 AS latency_seconds, sum(compute_usd) AS compute_usd,
       sum(requests_usd) AS requests_usd, sum(storage_usd) AS storage_usd,
       sum(compute_usd + requests_usd + storage_usd) AS usd
  FROM priced_days WHERE dimension = 'customer' GROUP BY customer, day, value, route;

-- A month in which prices or the retention changed has two of them, and is priced by its days.
CREATE VIEW customer_months AS
WITH split AS (
    SELECT DISTINCT date_trunc('month', since::timestamp)::date AS month FROM price_periods
     WHERE extract(day FROM since) > 1
), months AS (
    SELECT r.customer, r.month,
       r.images, r.failed, r.outputs, r.bytes_in, r.bytes_out, r.bytes_saved, r.pixels, r.seconds_us, r.cpu_us,
       r.latency_us,
       (r.gb_us * p.gb_second + r.vcpu_us * p.vcpu_second) / 1000000 + r.images * p.request AS compute_usd,
       (r.outputs + 2 * r.images) * p.put + 3 * r.images * p.get AS requests_usd,
       (r.bytes_in + r.bytes_out) / 1073741824.0 * p.gb_kept AS storage_usd
      FROM rollup_months r
      LEFT JOIN price_periods p ON r.month >= p.since AND r.month < p.until AND p.route = r.route AND p.machine = r.machine
     WHERE r.dimension = 'source' AND r.month NOT IN (SELECT month FROM split)
    UNION ALL
    SELECT d.customer, split.month,
       d.images, d.failed, d.outputs, d.bytes_in, d.bytes_out, d.bytes_saved, d.pixels, d.seconds_us, d.cpu_us,
       d.latency_us, d.compute_usd, d.requests_usd, d.storage_usd
      FROM split JOIN priced_days d ON d.dimension = 'customer' AND d.day >= split.month AND d.day < split.month + interval '1 month'
)
SELECT customer, month,
       sum(images)::bigint AS images, sum(failed)::bigint AS failed, sum(outputs)::bigint AS outputs,
       sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out, sum(bytes_saved)::bigint AS bytes_saved,
       sum(pixels) / 1000000 AS megapixels, sum(seconds_us) / 1000000 AS seconds, sum(cpu_us) / 1000000 AS cpu_seconds,
       sum(latency_us) / 1000000 AS latency_seconds, sum(compute_usd) AS compute_usd,
       sum(requests_usd) AS requests_usd, sum(storage_usd) AS storage_usd,
       sum(compute_usd + requests_usd + storage_usd) AS usd
  FROM months GROUP BY customer, month;

CREATE VIEW customer_months_by_source AS
SELECT customer, month, value AS source, route,
       sum(images)::bigint AS images, sum(failed)::bigint AS failed, sum(outputs)::bigint AS outputs,
       sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out, sum(bytes_saved)::bigint AS bytes_saved,
       sum(pixels) / 1000000 AS megapixels, sum(seconds_us) / 1000000 AS seconds, sum(cpu_us) / 1000000 AS cpu_seconds,
       sum(latency_us) / 1000000 AS latency_seconds
  FROM rollup_months WHERE dimension = 'source' GROUP BY customer, month, value, route;

CREATE VIEW customer_months_by_code AS
SELECT customer, month, CASE WHEN value = '' THEN 'processed' ELSE 'failed' END AS status, nullif(value, '') AS code,
       sum(images)::bigint AS images, sum(failed)::bigint AS failed, sum(outputs)::bigint AS outputs,
       sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out, sum(bytes_saved)::bigint AS bytes_saved,
       sum(pixels) / 1000000 AS megapixels, sum(seconds_us) / 1000000 AS seconds, sum(cpu_us) / 1000000 AS cpu_seconds,
       sum(latency_us) / 1000000 AS latency_seconds
  FROM rollup_months WHERE dimension = 'code' GROUP BY customer, month, value;

CREATE VIEW customer_months_by_pipeline AS
SELECT customer, month, value AS pipeline,
       sum(images)::bigint AS images, sum(failed)::bigint AS failed, sum(outputs)::bigint AS outputs,
       sum(bytes_in)::bigint AS bytes_in, sum(bytes_out)::bigint AS bytes_out, sum(bytes_saved)::bigint AS bytes_saved,
       sum(pixels) / 1000000 AS megapixels, sum(seconds_us) / 1000000 AS seconds, sum(cpu_us) / 1000000 AS cpu_seconds,
       sum(latency_us) / 1000000 AS latency_seconds
  FROM rollup_months WHERE dimension = 'pipeline' GROUP BY customer, month, value;

CREATE VIEW estimate_days AS
SELECT day, value AS pipeline, route, sum(estimated)::bigint AS images, sum(estimated_cpu_us) / 1000000 AS estimated_cpu_seconds,
       sum(true_cpu_us) / 1000000 AS cpu_seconds, sum(true_cpu_us) / nullif(sum(estimated_cpu_us), 0) AS cpu_ratio,
       sum(estimated_peak_kb) / 1024 AS estimated_peak_mb, sum(true_peak_kb) / 1024 AS peak_mb,
       sum(true_peak_kb) / nullif(sum(estimated_peak_kb), 0) AS peak_ratio,
       sum(beyond_time)::bigint AS beyond_time, sum(beyond_memory)::bigint AS beyond_memory
  FROM rollup_days WHERE dimension = 'pipeline' AND estimated > 0 GROUP BY day, value, route;

CREATE VIEW histogram_days AS
SELECT name, day, route, bucket, bucket_start(bucket) AS at_least, bucket_start(bucket + 1) AS below, images
  FROM rollup_histograms;

CREATE VIEW customer_histogram_months AS
SELECT 'Latency' AS name, customer, month, route, bucket, bucket_start(bucket) AS at_least,
       bucket_start(bucket + 1) AS below, images
  FROM rollup_customer_latencies;

-- The value that a share of the images does not exceed, from buckets and how many are in each: within its bucket, a
-- quarter wide, images are taken to lie evenly on a logarithmic scale.
CREATE FUNCTION histogram_percentile(share double precision, buckets integer[], counts bigint[]) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
    SELECT 10 ^ ((bucket + (share * total - before) / images) / 10.0)
      FROM (SELECT bucket, images, sum(images) OVER (ORDER BY bucket) - images AS before, sum(images) OVER () AS total
              FROM (SELECT bucket, sum(images)::double precision AS images
                      FROM unnest(buckets, counts) u (bucket, images) GROUP BY bucket) b WHERE images > 0) s
     WHERE before + images >= share * total ORDER BY bucket LIMIT 1
$$;
COMMENT ON FUNCTION histogram_percentile IS
    'The value that a share of the images does not exceed: histogram_percentile(0.95, array_agg(bucket), array_agg(images))';

CREATE VIEW latency_days AS
SELECT day, route, sum(images)::bigint AS images,
       histogram_percentile(0.5, array_agg(bucket), array_agg(images)) AS p50,
       histogram_percentile(0.9, array_agg(bucket), array_agg(images)) AS p90,
       histogram_percentile(0.95, array_agg(bucket), array_agg(images)) AS p95,
       histogram_percentile(0.99, array_agg(bucket), array_agg(images)) AS p99
  FROM histogram_days WHERE name = 'Latency' GROUP BY day, route;

CREATE VIEW customer_latency_months AS
SELECT customer, month, route, sum(images)::bigint AS images,
       histogram_percentile(0.5, array_agg(bucket), array_agg(images)) AS p50,
       histogram_percentile(0.9, array_agg(bucket), array_agg(images)) AS p90,
       histogram_percentile(0.95, array_agg(bucket), array_agg(images)) AS p95,
       histogram_percentile(0.99, array_agg(bucket), array_agg(images)) AS p99
  FROM customer_histogram_months WHERE name = 'Latency' GROUP BY customer, month, route;

COMMENT ON VIEW metrics IS 'What CloudWatch is told of each image, for ever: one row for each image and metric';
COMMENT ON COLUMN metrics.time IS 'When its result was committed';
COMMENT ON COLUMN metrics.name IS 'The metric''s name, as CloudWatch has it';
COMMENT ON COLUMN metrics.value IS 'What was measured';
COMMENT ON COLUMN metrics.unit IS 'CloudWatch''s unit; None is a ratio';
COMMENT ON COLUMN metrics.source IS 'The door that it came in by: upload, direct, reference, kafka';
COMMENT ON COLUMN metrics.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN metrics.format IS 'The format of the source; other where no header could be read';
COMMENT ON COLUMN metrics.status IS 'How it ended: processed or failed';
COMMENT ON COLUMN metrics.code IS 'Why it failed, from the closed list; null where it did not';
COMMENT ON COLUMN metrics.customer IS 'Whose image it is';
COMMENT ON COLUMN metrics.pipeline IS 'Which pipeline it went through; other where there was none of that name';
COMMENT ON COLUMN metrics.image_id IS 'The image''s id';
COMMENT ON VIEW dollars IS 'What each image cost, at the prices of its day';
COMMENT ON COLUMN dollars.time IS 'When its result was committed';
COMMENT ON COLUMN dollars.image_id IS 'The image''s id';
COMMENT ON COLUMN dollars.customer IS 'Whose image it is';
COMMENT ON COLUMN dollars.source IS 'The door that it came in by: upload, direct, reference, kafka';
COMMENT ON COLUMN dollars.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN dollars.tier IS 'The Batch tier; null for the function';
COMMENT ON COLUMN dollars.pipeline IS 'Which pipeline it went through; other where there was none of that name';
COMMENT ON COLUMN dollars.format IS 'The format of the source; other where no header could be read';
COMMENT ON COLUMN dollars.status IS 'How it ended: processed or failed';
COMMENT ON COLUMN dollars.compute IS 'US dollars for the function, or the Batch job';
COMMENT ON COLUMN dollars.requests IS 'US dollars for S3''s requests';
COMMENT ON COLUMN dollars.storage IS 'US dollars for S3''s storage, for as long as it is kept';
COMMENT ON COLUMN dollars.total IS 'All of it, in US dollars';
COMMENT ON VIEW image_facts IS 'One row for each image, with all that is measured and nothing that names a person';
COMMENT ON COLUMN image_facts.image_id IS 'The image''s id';
COMMENT ON COLUMN image_facts.run IS 'Which run of it stands';
COMMENT ON COLUMN image_facts.customer IS 'Whose image it is';
COMMENT ON COLUMN image_facts.pipeline IS 'Which pipeline it went through; other where there was none of that name';
COMMENT ON COLUMN image_facts.source IS 'The door that it came in by: upload, direct, reference, kafka';
COMMENT ON COLUMN image_facts.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN image_facts.tier IS 'The Batch tier; null for the function';
COMMENT ON COLUMN image_facts.machine IS 'The architecture; empty or null where no machine spoke for it';
COMMENT ON COLUMN image_facts.memory_mb IS 'Memory of the function, or of the Batch job, in MB';
COMMENT ON COLUMN image_facts.vcpus IS 'vCPUs of the same';
COMMENT ON COLUMN image_facts.status IS 'How it ended: processed or failed';
COMMENT ON COLUMN image_facts.code IS 'Why it failed, from the closed list; null where it did not';
COMMENT ON COLUMN image_facts.format IS 'The format of the source; other where no header could be read';
COMMENT ON COLUMN image_facts.width IS 'Pixels, upright';
COMMENT ON COLUMN image_facts.height IS 'Pixels, upright';
COMMENT ON COLUMN image_facts.channels IS 'Of the source';
COMMENT ON COLUMN image_facts.depth IS 'Bits per channel of the source';
COMMENT ON COLUMN image_facts.frames IS 'Frames or pages; 1 for a single picture';
COMMENT ON COLUMN image_facts.outputs IS 'Renditions made';
COMMENT ON COLUMN image_facts.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN image_facts.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN image_facts.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN image_facts.received_at IS 'When the event said it arrived';
COMMENT ON COLUMN image_facts.committed_at IS 'When its result was committed';
COMMENT ON COLUMN image_facts.latency_seconds IS 'Seconds from arrival to commit';
COMMENT ON COLUMN image_facts.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN image_facts.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN image_facts.peak_bytes IS 'Peak resident memory of the worker';
COMMENT ON COLUMN image_facts.billed_seconds IS 'Seconds of the machine that it has to pay for';
COMMENT ON COLUMN image_facts.estimated_cpu_seconds IS 'CPU seconds as estimated from the header';
COMMENT ON COLUMN image_facts.estimated_cpu_seconds_upper IS 'What it would hardly exceed, by the same estimate';
COMMENT ON COLUMN image_facts.estimated_peak_bytes IS 'Peak memory as estimated';
COMMENT ON COLUMN image_facts.estimated_peak_bytes_upper IS 'What it would hardly exceed, by the same estimate';
COMMENT ON COLUMN image_facts.perceptual_hash IS '64 bits of how it looks';
COMMENT ON COLUMN image_facts.sharpness IS 'The variance of its Laplacian: blurred pictures have little';
COMMENT ON COLUMN image_facts.version IS 'The release of Picture Perfect that made the result';
COMMENT ON COLUMN image_facts.erased_at IS 'When its erasure was asked for; null where it was not';
COMMENT ON COLUMN image_facts.expires_at IS 'When S3 removes it; null: never';
COMMENT ON VIEW urls IS 'Where renditions can be fetched; a row is gone when its object is';
COMMENT ON COLUMN urls.image_id IS 'The image''s id';
COMMENT ON COLUMN urls.customer IS 'Whose image it is';
COMMENT ON COLUMN urls.committed_at IS 'When its result was committed';
COMMENT ON COLUMN urls.pipeline IS 'Which pipeline it went through; other where there was none of that name';
COMMENT ON COLUMN urls.rendition IS 'The rendition''s name in the pipeline';
COMMENT ON COLUMN urls.format IS 'The format of the file';
COMMENT ON COLUMN urls.width IS 'Pixels of the file';
COMMENT ON COLUMN urls.height IS 'Pixels of the file';
COMMENT ON COLUMN urls.frames IS 'Frames or pages; 1 for a single picture';
COMMENT ON COLUMN urls.bytes IS 'Bytes of the file';
COMMENT ON COLUMN urls.url IS 'Where it can be fetched';
COMMENT ON COLUMN urls.expires_at IS 'When S3 removes it, and the row is gone';
COMMENT ON VIEW image_days IS 'Images by all that they can be told apart by. It reads the images themselves: ask for a customer, or for days';
COMMENT ON COLUMN image_days.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN image_days.customer IS 'Whose image it is';
COMMENT ON COLUMN image_days.source IS 'The door that it came in by: upload, direct, reference, kafka';
COMMENT ON COLUMN image_days.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN image_days.format IS 'The format of the source; other where no header could be read';
COMMENT ON COLUMN image_days.pipeline IS 'Which pipeline it went through; other where there was none of that name';
COMMENT ON COLUMN image_days.status IS 'How it ended: processed or failed';
COMMENT ON COLUMN image_days.code IS 'Why it failed, from the closed list; null where it did not';
COMMENT ON COLUMN image_days.images IS 'Images that ended';
COMMENT ON COLUMN image_days.outputs IS 'Renditions made';
COMMENT ON COLUMN image_days.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN image_days.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN image_days.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN image_days.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN image_days.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN image_days.latency_p50 IS 'Seconds from arrival to commit that half of them do not exceed';
COMMENT ON COLUMN image_days.latency_p95 IS 'The same of 95 %';
COMMENT ON COLUMN image_days.latency_p99 IS 'The same of 99 %';
COMMENT ON VIEW near_duplicates IS 'Pairs of a customer''s pictures that look alike. It compares each with each: ask for an image, or for a customer with both times';
COMMENT ON COLUMN near_duplicates.customer IS 'Whose image it is';
COMMENT ON COLUMN near_duplicates.image_id IS 'One image''s id';
COMMENT ON COLUMN near_duplicates.other_id IS 'The other image''s id';
COMMENT ON COLUMN near_duplicates.distance IS 'How many of the 64 bits differ; 0: they look the same';
COMMENT ON COLUMN near_duplicates.committed_at IS 'When its result was committed';
COMMENT ON COLUMN near_duplicates.other_committed_at IS 'When the other''s result was committed';
COMMENT ON VIEW blurry_uploads IS 'Pictures with less than a tenth of the sharpness that is usual for the customer and pipeline';
COMMENT ON COLUMN blurry_uploads.customer IS 'Whose image it is';
COMMENT ON COLUMN blurry_uploads.pipeline IS 'Which pipeline it went through; other where there was none of that name';
COMMENT ON COLUMN blurry_uploads.image_id IS 'The image''s id';
COMMENT ON COLUMN blurry_uploads.committed_at IS 'When its result was committed';
COMMENT ON COLUMN blurry_uploads.sharpness IS 'The variance of its Laplacian: blurred pictures have little';
COMMENT ON COLUMN blurry_uploads.usual IS 'The median of the customer''s pictures in that pipeline';
COMMENT ON COLUMN blurry_uploads.share IS 'Its sharpness by the usual one';
COMMENT ON VIEW priced_days IS 'rollup_days with dollars; every image is in it five times. The views below are made of it';
COMMENT ON COLUMN priced_days.dimension IS 'By what it is counted';
COMMENT ON COLUMN priced_days.customer IS 'Whose; empty: everybody''s';
COMMENT ON COLUMN priced_days.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN priced_days.value IS 'Its value';
COMMENT ON COLUMN priced_days.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN priced_days.machine IS 'The architecture; empty or null where no machine spoke for it';
COMMENT ON COLUMN priced_days.images IS 'Images that ended';
COMMENT ON COLUMN priced_days.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN priced_days.outputs IS 'Renditions made';
COMMENT ON COLUMN priced_days.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN priced_days.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN priced_days.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN priced_days.pixels IS 'Pixels of the sources, all frames';
COMMENT ON COLUMN priced_days.seconds_us IS 'Wall-clock microseconds in the worker';
COMMENT ON COLUMN priced_days.cpu_us IS 'CPU microseconds of the worker';
COMMENT ON COLUMN priced_days.latency_us IS 'Microseconds from arrival to commit';
COMMENT ON COLUMN priced_days.gb_us IS 'GB of the machine''s memory, times the microseconds that are paid for';
COMMENT ON COLUMN priced_days.vcpu_us IS 'vCPUs of a Batch job, times the microseconds that are paid for';
COMMENT ON COLUMN priced_days.estimated IS 'Processed images that had an estimate';
COMMENT ON COLUMN priced_days.estimated_cpu_us IS 'CPU microseconds that those were estimated to take';
COMMENT ON COLUMN priced_days.true_cpu_us IS 'CPU microseconds that those took';
COMMENT ON COLUMN priced_days.estimated_peak_kb IS 'Peak memory that those were estimated to take, added up, in KiB';
COMMENT ON COLUMN priced_days.true_peak_kb IS 'Peak memory that those took, added up, in KiB';
COMMENT ON COLUMN priced_days.beyond_time IS 'Images that took more CPU than their upper estimate';
COMMENT ON COLUMN priced_days.beyond_memory IS 'Images that took more memory than their upper estimate';
COMMENT ON COLUMN priced_days.compute_usd IS 'US dollars for functions and Batch jobs';
COMMENT ON COLUMN priced_days.requests_usd IS 'US dollars for S3''s requests';
COMMENT ON COLUMN priced_days.storage_usd IS 'US dollars for S3''s storage, for as long as objects are kept';
COMMENT ON VIEW days_by_source IS 'Everybody''s days, by door, route and architecture';
COMMENT ON COLUMN days_by_source.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN days_by_source.source IS 'The door that it came in by: upload, direct, reference, kafka';
COMMENT ON COLUMN days_by_source.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN days_by_source.machine IS 'The architecture; empty or null where no machine spoke for it';
COMMENT ON COLUMN days_by_source.images IS 'Images that ended';
COMMENT ON COLUMN days_by_source.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN days_by_source.outputs IS 'Renditions made';
COMMENT ON COLUMN days_by_source.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN days_by_source.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN days_by_source.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN days_by_source.megapixels IS 'Million pixels of the sources, all frames';
COMMENT ON COLUMN days_by_source.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN days_by_source.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN days_by_source.latency_seconds IS 'Seconds from arrival to commit';
COMMENT ON COLUMN days_by_source.compute_usd IS 'US dollars for functions and Batch jobs';
COMMENT ON COLUMN days_by_source.requests_usd IS 'US dollars for S3''s requests';
COMMENT ON COLUMN days_by_source.storage_usd IS 'US dollars for S3''s storage, for as long as objects are kept';
COMMENT ON COLUMN days_by_source.usd IS 'All of it, in US dollars';
COMMENT ON VIEW days_by_format IS 'Everybody''s days, by format and route';
COMMENT ON COLUMN days_by_format.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN days_by_format.format IS 'The format of the source; other where no header could be read';
COMMENT ON COLUMN days_by_format.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN days_by_format.images IS 'Images that ended';
COMMENT ON COLUMN days_by_format.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN days_by_format.outputs IS 'Renditions made';
COMMENT ON COLUMN days_by_format.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN days_by_format.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN days_by_format.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN days_by_format.megapixels IS 'Million pixels of the sources, all frames';
COMMENT ON COLUMN days_by_format.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN days_by_format.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN days_by_format.latency_seconds IS 'Seconds from arrival to commit';
COMMENT ON COLUMN days_by_format.compute_usd IS 'US dollars for functions and Batch jobs';
COMMENT ON COLUMN days_by_format.requests_usd IS 'US dollars for S3''s requests';
COMMENT ON COLUMN days_by_format.storage_usd IS 'US dollars for S3''s storage, for as long as objects are kept';
COMMENT ON COLUMN days_by_format.usd IS 'All of it, in US dollars';
COMMENT ON VIEW days_by_code IS 'Everybody''s days, by how images ended and why';
COMMENT ON COLUMN days_by_code.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN days_by_code.status IS 'How it ended: processed or failed';
COMMENT ON COLUMN days_by_code.code IS 'Why it failed, from the closed list; null where it did not';
COMMENT ON COLUMN days_by_code.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN days_by_code.images IS 'Images that ended';
COMMENT ON COLUMN days_by_code.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN days_by_code.outputs IS 'Renditions made';
COMMENT ON COLUMN days_by_code.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN days_by_code.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN days_by_code.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN days_by_code.megapixels IS 'Million pixels of the sources, all frames';
COMMENT ON COLUMN days_by_code.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN days_by_code.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN days_by_code.latency_seconds IS 'Seconds from arrival to commit';
COMMENT ON COLUMN days_by_code.compute_usd IS 'US dollars for functions and Batch jobs';
COMMENT ON COLUMN days_by_code.requests_usd IS 'US dollars for S3''s requests';
COMMENT ON COLUMN days_by_code.storage_usd IS 'US dollars for S3''s storage, for as long as objects are kept';
COMMENT ON COLUMN days_by_code.usd IS 'All of it, in US dollars';
COMMENT ON VIEW days_by_pipeline IS 'Everybody''s days, by pipeline and route';
COMMENT ON COLUMN days_by_pipeline.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN days_by_pipeline.pipeline IS 'Which pipeline it went through; other where there was none of that name';
COMMENT ON COLUMN days_by_pipeline.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN days_by_pipeline.images IS 'Images that ended';
COMMENT ON COLUMN days_by_pipeline.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN days_by_pipeline.outputs IS 'Renditions made';
COMMENT ON COLUMN days_by_pipeline.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN days_by_pipeline.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN days_by_pipeline.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN days_by_pipeline.megapixels IS 'Million pixels of the sources, all frames';
COMMENT ON COLUMN days_by_pipeline.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN days_by_pipeline.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN days_by_pipeline.latency_seconds IS 'Seconds from arrival to commit';
COMMENT ON COLUMN days_by_pipeline.compute_usd IS 'US dollars for functions and Batch jobs';
COMMENT ON COLUMN days_by_pipeline.requests_usd IS 'US dollars for S3''s requests';
COMMENT ON COLUMN days_by_pipeline.storage_usd IS 'US dollars for S3''s storage, for as long as objects are kept';
COMMENT ON COLUMN days_by_pipeline.usd IS 'All of it, in US dollars';
COMMENT ON VIEW customer_days IS 'Each customer''s days, by format and route';
COMMENT ON COLUMN customer_days.customer IS 'Whose image it is';
COMMENT ON COLUMN customer_days.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN customer_days.format IS 'The format of the source; other where no header could be read';
COMMENT ON COLUMN customer_days.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN customer_days.images IS 'Images that ended';
COMMENT ON COLUMN customer_days.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN customer_days.outputs IS 'Renditions made';
COMMENT ON COLUMN customer_days.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN customer_days.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN customer_days.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN customer_days.megapixels IS 'Million pixels of the sources, all frames';
COMMENT ON COLUMN customer_days.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN customer_days.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN customer_days.latency_seconds IS 'Seconds from arrival to commit';
COMMENT ON COLUMN customer_days.compute_usd IS 'US dollars for functions and Batch jobs';
COMMENT ON COLUMN customer_days.requests_usd IS 'US dollars for S3''s requests';
COMMENT ON COLUMN customer_days.storage_usd IS 'US dollars for S3''s storage, for as long as objects are kept';
COMMENT ON COLUMN customer_days.usd IS 'All of it, in US dollars';
COMMENT ON VIEW customer_months IS 'Each customer''s months';
COMMENT ON COLUMN customer_months.customer IS 'Whose image it is';
COMMENT ON COLUMN customer_months.month IS 'The first day of the month of the commit, UTC';
COMMENT ON COLUMN customer_months.images IS 'Images that ended';
COMMENT ON COLUMN customer_months.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN customer_months.outputs IS 'Renditions made';
COMMENT ON COLUMN customer_months.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN customer_months.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN customer_months.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN customer_months.megapixels IS 'Million pixels of the sources, all frames';
COMMENT ON COLUMN customer_months.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN customer_months.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN customer_months.latency_seconds IS 'Seconds from arrival to commit';
COMMENT ON COLUMN customer_months.compute_usd IS 'US dollars for functions and Batch jobs';
COMMENT ON COLUMN customer_months.requests_usd IS 'US dollars for S3''s requests';
COMMENT ON COLUMN customer_months.storage_usd IS 'US dollars for S3''s storage, for as long as objects are kept';
COMMENT ON COLUMN customer_months.usd IS 'All of it, in US dollars';
COMMENT ON VIEW customer_months_by_source IS 'Each customer''s months, by door and route';
COMMENT ON COLUMN customer_months_by_source.customer IS 'Whose image it is';
COMMENT ON COLUMN customer_months_by_source.month IS 'The first day of the month of the commit, UTC';
COMMENT ON COLUMN customer_months_by_source.source IS 'The door that it came in by: upload, direct, reference, kafka';
COMMENT ON COLUMN customer_months_by_source.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN customer_months_by_source.images IS 'Images that ended';
COMMENT ON COLUMN customer_months_by_source.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN customer_months_by_source.outputs IS 'Renditions made';
COMMENT ON COLUMN customer_months_by_source.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN customer_months_by_source.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN customer_months_by_source.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN customer_months_by_source.megapixels IS 'Million pixels of the sources, all frames';
COMMENT ON COLUMN customer_months_by_source.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN customer_months_by_source.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN customer_months_by_source.latency_seconds IS 'Seconds from arrival to commit';
COMMENT ON VIEW customer_months_by_code IS 'Each customer''s months, by how images ended and why';
COMMENT ON COLUMN customer_months_by_code.customer IS 'Whose image it is';
COMMENT ON COLUMN customer_months_by_code.month IS 'The first day of the month of the commit, UTC';
COMMENT ON COLUMN customer_months_by_code.status IS 'How it ended: processed or failed';
COMMENT ON COLUMN customer_months_by_code.code IS 'Why it failed, from the closed list; null where it did not';
COMMENT ON COLUMN customer_months_by_code.images IS 'Images that ended';
COMMENT ON COLUMN customer_months_by_code.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN customer_months_by_code.outputs IS 'Renditions made';
COMMENT ON COLUMN customer_months_by_code.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN customer_months_by_code.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN customer_months_by_code.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN customer_months_by_code.megapixels IS 'Million pixels of the sources, all frames';
COMMENT ON COLUMN customer_months_by_code.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN customer_months_by_code.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN customer_months_by_code.latency_seconds IS 'Seconds from arrival to commit';
COMMENT ON VIEW customer_months_by_pipeline IS 'Each customer''s months, by pipeline';
COMMENT ON COLUMN customer_months_by_pipeline.customer IS 'Whose image it is';
COMMENT ON COLUMN customer_months_by_pipeline.month IS 'The first day of the month of the commit, UTC';
COMMENT ON COLUMN customer_months_by_pipeline.pipeline IS 'Which pipeline it went through; other where there was none of that name';
COMMENT ON COLUMN customer_months_by_pipeline.images IS 'Images that ended';
COMMENT ON COLUMN customer_months_by_pipeline.failed IS 'Those of them that ended failed';
COMMENT ON COLUMN customer_months_by_pipeline.outputs IS 'Renditions made';
COMMENT ON COLUMN customer_months_by_pipeline.bytes_in IS 'Bytes of the source; of all sources, where it is a sum';
COMMENT ON COLUMN customer_months_by_pipeline.bytes_out IS 'Bytes of all renditions';
COMMENT ON COLUMN customer_months_by_pipeline.bytes_saved IS 'Bytes of the source less those of its largest rendition: what whoever gets that one is spared';
COMMENT ON COLUMN customer_months_by_pipeline.megapixels IS 'Million pixels of the sources, all frames';
COMMENT ON COLUMN customer_months_by_pipeline.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN customer_months_by_pipeline.cpu_seconds IS 'CPU seconds of the worker, all threads';
COMMENT ON COLUMN customer_months_by_pipeline.latency_seconds IS 'Seconds from arrival to commit';
COMMENT ON VIEW estimate_days IS 'Everybody''s days: estimate against truth, by pipeline and route';
COMMENT ON COLUMN estimate_days.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN estimate_days.pipeline IS 'Which pipeline it went through; other where there was none of that name';
COMMENT ON COLUMN estimate_days.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN estimate_days.images IS 'Processed images that had an estimate';
COMMENT ON COLUMN estimate_days.estimated_cpu_seconds IS 'CPU seconds that they were estimated to take';
COMMENT ON COLUMN estimate_days.cpu_seconds IS 'CPU seconds that they took';
COMMENT ON COLUMN estimate_days.cpu_ratio IS 'CPU seconds by estimated ones: above 1 they took more';
COMMENT ON COLUMN estimate_days.estimated_peak_mb IS 'Peak memory as estimated, added up, in MB of 2^20 bytes';
COMMENT ON COLUMN estimate_days.peak_mb IS 'Peak memory, added up, in MB of 2^20 bytes';
COMMENT ON COLUMN estimate_days.peak_ratio IS 'Peak memory by the estimated one';
COMMENT ON COLUMN estimate_days.beyond_time IS 'Images that took more CPU than their upper estimate';
COMMENT ON COLUMN estimate_days.beyond_memory IS 'Images that took more memory than their upper estimate';
COMMENT ON VIEW histogram_days IS 'Everybody''s days: how many images took how long; buckets can be added up';
COMMENT ON COLUMN histogram_days.name IS 'Latency, Duration or CpuTimeRatio';
COMMENT ON COLUMN histogram_days.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN histogram_days.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN histogram_days.bucket IS 'n: from 10^(n/10) to 10^((n+1)/10)';
COMMENT ON COLUMN histogram_days.at_least IS 'The lower end of the bucket';
COMMENT ON COLUMN histogram_days.below IS 'Its upper end';
COMMENT ON COLUMN histogram_days.images IS 'How many images are in it';
COMMENT ON VIEW customer_histogram_months IS 'The same for each customer''s months';
COMMENT ON COLUMN customer_histogram_months.name IS 'Latency';
COMMENT ON COLUMN customer_histogram_months.customer IS 'Whose image it is';
COMMENT ON COLUMN customer_histogram_months.month IS 'The first day of the month of the commit, UTC';
COMMENT ON COLUMN customer_histogram_months.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN customer_histogram_months.bucket IS 'n: from 10^(n/10) to 10^((n+1)/10)';
COMMENT ON COLUMN customer_histogram_months.at_least IS 'The lower end of the bucket';
COMMENT ON COLUMN customer_histogram_months.below IS 'Its upper end';
COMMENT ON COLUMN customer_histogram_months.images IS 'How many images are in it';
COMMENT ON VIEW latency_days IS 'Everybody''s days: percentiles of the time from arrival to commit, out of the histogram';
COMMENT ON COLUMN latency_days.day IS 'The day of the commit, UTC';
COMMENT ON COLUMN latency_days.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN latency_days.images IS 'Images that ended';
COMMENT ON COLUMN latency_days.p50 IS 'Seconds from arrival to commit that half of the images do not exceed';
COMMENT ON COLUMN latency_days.p90 IS 'The same of 90 %';
COMMENT ON COLUMN latency_days.p95 IS 'The same of 95 %';
COMMENT ON COLUMN latency_days.p99 IS 'The same of 99 %';
COMMENT ON VIEW customer_latency_months IS 'The same for each customer''s months';
COMMENT ON COLUMN customer_latency_months.customer IS 'Whose image it is';
COMMENT ON COLUMN customer_latency_months.month IS 'The first day of the month of the commit, UTC';
COMMENT ON COLUMN customer_latency_months.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN customer_latency_months.images IS 'Images that ended';
COMMENT ON COLUMN customer_latency_months.p50 IS 'Seconds from arrival to commit that half of the images do not exceed';
COMMENT ON COLUMN customer_latency_months.p90 IS 'The same of 90 %';
COMMENT ON COLUMN customer_latency_months.p95 IS 'The same of 95 %';
COMMENT ON COLUMN customer_latency_months.p99 IS 'The same of 99 %';
