-- The comments that docs/reference/ledger.md shows. A column has one meaning in all tables and views that have it; the
-- exceptions follow below.
DO $$
DECLARE
    commented record;
BEGIN
    FOR commented IN
        SELECT relation.oid::regclass AS relation, attribute.attname AS name, meanings.meaning
          FROM pg_attribute attribute JOIN pg_class relation ON relation.oid = attribute.attrelid
          JOIN (VALUES
            ('applied_at', 'When the file was applied'),
            ('below', 'The upper end of the bucket'),
            ('beyond_memory', 'Images that took more memory than their upper estimate'),
            ('beyond_time', 'Images that took more CPU time than their upper estimate'),
            ('billed_seconds', 'Seconds of the machine that the image is charged for, from acceptance to commit'),
            ('bytes_in', 'Bytes of the sources'),
            ('bytes_saved', 'Bytes of the sources, less the largest rendition of each image: the saving each time a viewer '
                            'fetches that rendition'),
            ('code', 'The failure code; null if the image was processed'),
            ('committed_at', 'When the result was committed'),
            ('cpu_ratio', 'CPU seconds divided by the estimated CPU seconds'),
            ('customer', 'The customer'),
            ('days', 'Days after which S3 deletes renditions and archived sources; null: never'),
            ('dimension', 'The breakdown of the row: source, format, code, pipeline; or customer, which is by customer and '
                          'format'),
            ('distance', 'The number of differing bits of the two 64-bit perceptual hashes; 0: the images look the same'),
            ('door', 'The door by which the image arrived: upload, direct, reference, kafka'),
            ('erased_at', 'When the erasure was requested; null if it was not'),
            ('estimated_cpu_seconds', 'Estimated CPU seconds; null without an estimate'),
            ('estimated_cpu_seconds_upper', 'Upper estimate of the CPU seconds'),
            ('estimated_cpu_us', 'Estimated CPU microseconds of the images with an estimate'),
            ('estimated_peak_bytes', 'Estimated peak resident memory'),
            ('estimated_peak_bytes_upper', 'Upper estimate of the peak resident memory'),
            ('estimated_peak_kb', 'Estimated peak memory of the images with an estimate, summed, in KiB'),
            ('estimated_peak_mb', 'Estimated peak memory, summed, in MB of 2^20 bytes'),
            ('failed', 'Images that ended failed'),
            ('format', 'The format of the source; other if its header could not be read'),
            ('gb_kept', 'US dollars for a GB in S3 for the retention; without a retention, for a month'),
            ('gb_second', 'US dollars for a GB of memory for a second'),
            ('gb_us', 'GB of the machine''s memory, times the billed microseconds'),
            ('height', 'Pixels as displayed, after EXIF orientation'),
            ('image_id', 'The id of the image'),
            ('key', 'The key of the file in the bucket'),
            ('largest_bytes', 'Bytes of the largest rendition; null without renditions'),
            ('latency_p50', 'The median of the seconds from arrival to commit'),
            ('latency_p95', 'The 95th percentile of the seconds from arrival to commit'),
            ('latency_p99', 'The 99th percentile of the seconds from arrival to commit'),
            ('machine', 'The architecture, as uname -m prints it; empty or null if no machine reported it'),
            ('measurements', 'The values of measuring steps, by the name of the step: {"sharpness": 41.5}; empty once erased'),
            ('message', 'The failure, as a sentence; null if the image was processed, or once erased'),
            ('other_committed_at', 'When the result of the other image was committed'),
            ('other_id', 'The id of the other image'),
            ('p50', 'The median of the seconds from arrival to commit'),
            ('p90', 'The 90th percentile of the seconds from arrival to commit'),
            ('p95', 'The 95th percentile of the seconds from arrival to commit'),
            ('p99', 'The 99th percentile of the seconds from arrival to commit'),
            ('peak_mb', 'Peak memory, summed, in MB of 2^20 bytes'),
            ('peak_ratio', 'Peak memory divided by the estimated peak memory'),
            ('perceptual_hash', 'The measurement perceptual-hash as bits: near-duplicates differ in few'),
            ('pipeline', 'The pipeline; other if there was no pipeline of that name'),
            ('reason', 'The reason for the route, as a sentence; ''erased'' once erased'),
            ('received_at', 'When the image arrived, by its event'),
            ('region', 'The AWS region of the price'),
            ('requested_at', 'When the erasure was requested first'),
            ('route', 'The route that processed the image: lambda or batch'),
            ('sha256', 'SHA-256 of the file, in hex; the key holds its first 16 digits'),
            ('share', 'The sharpness divided by the usual sharpness'),
            ('sharpness', 'The variance of the Laplacian: small for blurred pictures'),
            ('since', 'The first day; for the earliest prices, the first day of the calendar'),
            ('source', 'The door by which the image arrived: upload, direct, reference, kafka'),
            ('source_bytes', 'Bytes of the source; null if it was never read'),
            ('source_sha256', 'SHA-256 of the source, in hex; null once erased'),
            ('status', 'The final status: processed or failed'),
            ('storage', 'US dollars for S3''s storage, until the objects expire'),
            ('storage_usd', 'US dollars for S3''s storage, until the objects expire'),
            ('time', 'When the result was committed'),
            ('total', 'The sum, in US dollars'),
            ('true_cpu_us', 'CPU microseconds of the images with an estimate'),
            ('true_peak_kb', 'Peak memory of the images with an estimate, summed, in KiB'),
            ('unit', 'CloudWatch''s unit; None for a ratio'),
            ('until', 'The day after the last; for the latest prices, the end of the year 9999'),
            ('url', 'The URL of the file, until it expires'),
            ('usd', 'The sum, in US dollars'),
            ('usual', 'The median sharpness of the customer''s pictures in the pipeline'),
            ('value', 'The value of the dimension: the door, the format, the code (empty: processed) or the pipeline (other: '
                      'there was no pipeline of that name)'),
            ('vcpu_second', 'US dollars for a vCPU for a second; Lambda''s memory price includes it'),
            ('vcpu_us', 'vCPUs of a Batch job, times the billed microseconds'),
            ('vcpus', 'vCPUs of the function, or of the Batch job'),
            ('width', 'Pixels as displayed, after EXIF orientation'),
            ('written_by', 'The version of the recorder that wrote the row: a replay by a newer recorder writes it again')
          ) meanings (name, meaning) ON meanings.name = attribute.attname
         WHERE relation.relnamespace = current_schema()::regnamespace AND relation.relkind IN ('r', 'v')
           AND attribute.attnum > 0 AND NOT attribute.attisdropped
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', commented.relation, commented.name, commented.meaning);
    END LOOP;
END
$$;

COMMENT ON TABLE schema_migrations IS 'The numbered files of core/adapters/postgres/schema that were applied';

COMMENT ON TABLE images IS 'One row for each image that ended, from its highest run';
COMMENT ON COLUMN images.customer IS 'The customer of the image';
COMMENT ON COLUMN images.pipeline IS 'The pipeline, by its name';
COMMENT ON COLUMN images.code IS 'The failure code, from the closed list in core/domain/errors.py; null if the image was processed';
COMMENT ON COLUMN images.name IS 'The file name of the source; null once erased';
COMMENT ON COLUMN images.image_id IS 'UUIDv5 of customer, pipeline and source: the same delivery has the same id, for ever';
COMMENT ON COLUMN images.source IS 'The object that was received, as s3://bucket/key; ''erased'' once erased';
COMMENT ON COLUMN images.format IS 'The format of the source; null if its header could not be read';
COMMENT ON COLUMN images.channels IS 'Channels of the source: 1 grey, 2 grey and alpha, 3 colours, 4 with alpha or CMYK';
COMMENT ON COLUMN images.erased_at IS 'When the erasure was requested; names, measurements and hashes of the image are then deleted';
COMMENT ON COLUMN images.outputs IS 'Renditions made; they may have been erased since';

COMMENT ON COLUMN renditions.image_id IS 'The image of the rendition';
COMMENT ON COLUMN renditions.format IS 'The format of the file';
COMMENT ON COLUMN renditions.width IS 'Pixels of the file';
COMMENT ON COLUMN renditions.height IS 'Pixels of the file';

COMMENT ON TABLE tombstones IS 'Requested erasures; they win over every result, also when results are replayed';
COMMENT ON COLUMN tombstones.image_id IS 'The image to erase';
COMMENT ON COLUMN tombstones.customer IS 'The customer that requested the erasure; it erases no other customer''s image';

COMMENT ON TABLE prices IS
    'Prices of AWS in US dollars, each valid from a day on; `migrate` writes them from core/routing/prices.json';
COMMENT ON COLUMN prices.valid_from IS 'The first day on which the price is valid; the earliest price is valid for all days before, too';
COMMENT ON COLUMN prices.machine IS 'The architecture, as uname -m prints it; empty for S3';
COMMENT ON COLUMN prices.usd IS 'US dollars for one unit of the item, on demand, before any free tier';
COMMENT ON TABLE retention IS 'The retention of objects, each valid from a day on; `migrate` writes it from RETENTION_DAYS';
COMMENT ON COLUMN retention.valid_from IS 'The first day on which the retention is valid, for dollars; in S3 the latest applies to all objects';
COMMENT ON VIEW price_periods IS 'Prices and retention of each period, for a route and an architecture';
COMMENT ON COLUMN price_periods.route IS 'lambda; batch, which runs on Fargate; local, which is free';
COMMENT ON COLUMN price_periods.machine IS 'The architecture; empty: unknown, and nothing is charged';

COMMENT ON TABLE rollup_days IS 'Sums of each day, kept by the recorder; each image is counted once in each dimension';
COMMENT ON COLUMN rollup_days.customer IS 'The customer; empty: all customers';
COMMENT ON TABLE rollup_months IS 'Sums of each month, kept by the recorder; each image is counted once in each dimension';
COMMENT ON COLUMN rollup_months.dimension IS 'The breakdown of the row: source, code or pipeline';
COMMENT ON TABLE rollup_histograms IS 'Images of each day by duration, in buckets that can be summed';
COMMENT ON COLUMN rollup_histograms.bucket IS 'n: from 10^(n/10) to 10^((n+1)/10); -40 also holds smaller values, 70 larger ones';
COMMENT ON COLUMN rollup_histograms.images IS 'Images in the bucket';
COMMENT ON TABLE rollup_customer_latencies IS
    'Images of each customer and month by the time from arrival to commit, in buckets that can be summed';
COMMENT ON COLUMN rollup_customer_latencies.images IS 'Images in the bucket';

COMMENT ON VIEW metrics IS 'The metrics that CloudWatch received for each image, kept for ever: one row for each image and metric';
COMMENT ON COLUMN metrics.name IS 'The name of the metric, as in CloudWatch';
COMMENT ON COLUMN metrics.value IS 'The measured value';
COMMENT ON VIEW dollars IS 'The cost of each image, at the prices of its day';
COMMENT ON VIEW image_facts IS 'One row for each image, with all measured values, and without file names, keys and sentences';
COMMENT ON COLUMN image_facts.run IS 'The run whose result is shown';
COMMENT ON COLUMN image_facts.bytes_in IS 'Bytes of the source';
COMMENT ON COLUMN image_facts.bytes_saved IS
    'Bytes of the source, less the largest rendition: the saving each time a viewer fetches that rendition';
COMMENT ON COLUMN image_facts.channels IS 'Channels of the source';
COMMENT ON COLUMN image_facts.expires_at IS 'When S3 deletes the renditions; null: never';
COMMENT ON VIEW urls IS 'The URLs of renditions; a row disappears when its file expires';
COMMENT ON COLUMN urls.format IS 'The format of the file';
COMMENT ON COLUMN urls.width IS 'Pixels of the file';
COMMENT ON COLUMN urls.height IS 'Pixels of the file';
COMMENT ON COLUMN urls.expires_at IS 'When S3 deletes the file, and the row disappears';
COMMENT ON VIEW image_days IS
    'Images by day, customer, source, route, format, pipeline, status and code. It reads single images: restrict it to a customer, or to days';
COMMENT ON VIEW near_duplicates IS
    'Pairs of a customer''s pictures that look alike. It compares all pairs: restrict it to one image, or to a customer and both times';
COMMENT ON COLUMN near_duplicates.image_id IS 'The id of the first image';
COMMENT ON VIEW priced_days IS 'rollup_days with dollars; each image is counted five times. The views below are made from it';
COMMENT ON COLUMN priced_days.customer IS 'The customer; empty: all customers';
COMMENT ON VIEW days_by_source IS 'Days of all customers, by door, route and architecture';
COMMENT ON VIEW days_by_format IS 'Days of all customers, by format and route';
COMMENT ON VIEW days_by_code IS 'Days of all customers, by status, code and route';
COMMENT ON VIEW days_by_pipeline IS 'Days of all customers, by pipeline and route';
COMMENT ON VIEW customer_days IS 'Days of each customer, by format and route';
COMMENT ON VIEW customer_months IS 'Months of each customer';
COMMENT ON VIEW customer_months_by_source IS 'Months of each customer, by door and route';
COMMENT ON VIEW customer_months_by_code IS 'Months of each customer, by status and code';
COMMENT ON VIEW customer_months_by_pipeline IS 'Months of each customer, by pipeline';
COMMENT ON VIEW estimate_days IS 'Days of all customers: estimates and actual use, by pipeline and route';
COMMENT ON COLUMN estimate_days.estimated_cpu_seconds IS 'Estimated CPU seconds of these images';
COMMENT ON COLUMN estimate_days.cpu_seconds IS 'CPU seconds of these images';
COMMENT ON VIEW histogram_days IS 'Days of all customers: images by duration, in buckets that can be summed';
COMMENT ON COLUMN histogram_days.images IS 'Images in the bucket';
COMMENT ON VIEW customer_histogram_months IS
    'Months of each customer: images by the time from arrival to commit, in buckets that can be summed';
COMMENT ON COLUMN customer_histogram_months.images IS 'Images in the bucket';
COMMENT ON VIEW latency_days IS 'Days of all customers: percentiles of the time from arrival to commit, from the histogram';
COMMENT ON VIEW customer_latency_months IS
    'Months of each customer: percentiles of the time from arrival to commit, from the histogram';

COMMENT ON FUNCTION bounded IS 'A number from an image, limited to plausible values';
COMMENT ON FUNCTION bounded_bytes IS 'A number of bytes from an image, limited to a terabyte';
COMMENT ON FUNCTION quantities IS 'The summed quantities of one image, and the values of its dimensions';
COMMENT ON FUNCTION roll_up IS 'Add images to the sums of days and months, and subtract the images that they replace';
COMMENT ON FUNCTION roll_up_anew IS 'Compute all sums again from the images';
COMMENT ON FUNCTION record IS
    'Upsert results and tombstones, and update the sums: the highest run shows, a tombstone wins, a repetition changes nothing; returns the ids of erased images';
COMMENT ON FUNCTION expires_at IS 'When S3 deletes an object that was made at `made_at` and is kept for `days`; null: never';
