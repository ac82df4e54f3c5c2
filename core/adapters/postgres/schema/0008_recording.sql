-- What the recorder does, in one call: one round trip, and the sums of days and months in the same transaction.

CREATE FUNCTION record(new_images json, new_renditions json, new_tombstones json) RETURNS uuid[] LANGUAGE plpgsql
SET lock_timeout = '20s' AS $$
DECLARE
    incoming images[];
    added images[];
    removed images[];
    touched uuid[];
    replaced uuid[];
    erased uuid[];
BEGIN
    -- A tombstone and a result of one image, recorded at once, would not see each other; results do not mind results.
    -- The table's own lock, which needs a right to write there: anybody who may connect may take an advisory one.
    IF json_array_length(new_tombstones) > 0 THEN
        LOCK TABLE tombstones IN SHARE ROW EXCLUSIVE MODE;
        INSERT INTO tombstones SELECT * FROM json_populate_recordset(NULL::tombstones, new_tombstones)
        ON CONFLICT DO NOTHING;
    ELSE
        LOCK TABLE tombstones IN ROW EXCLUSIVE MODE;
    END IF;

    -- In the order of their ids, here and below: whoever waits for another holds nothing that the other waits for.
    SELECT coalesce(array_agg(i ORDER BY i.image_id), '{}') INTO incoming
      FROM json_populate_recordset(NULL::images, new_images) i;
    WITH inserted AS (
        INSERT INTO images (
            image_id, run, customer, pipeline, door, route, reason, status, code, message, name, source, source_bytes,
            source_sha256, format, width, height, channels, depth, frames, seconds, cpu_seconds, peak_bytes,
            received_at, committed_at, version, erased_at, measurements, operations, outputs, bytes_out, largest_bytes,
            estimated_cpu_seconds, estimated_cpu_seconds_upper, estimated_peak_bytes, estimated_peak_bytes_upper,
            billed_seconds, memory_mb, vcpus, tier, machine, written_by
        )
        SELECT
            image_id, run, customer, pipeline, door, route, reason, status, code, message, name, source, source_bytes,
            source_sha256, format, width, height, channels, depth, frames, seconds, cpu_seconds, peak_bytes,
            received_at, committed_at, version, erased_at, measurements, operations, outputs, bytes_out, largest_bytes,
            estimated_cpu_seconds, estimated_cpu_seconds_upper, estimated_peak_bytes, estimated_peak_bytes_upper,
            billed_seconds, memory_mb, vcpus, tier, machine, written_by
          FROM unnest(incoming) ON CONFLICT DO NOTHING RETURNING images AS i
    )
    SELECT coalesce(array_agg(i), '{}') INTO added FROM inserted;
    removed := '{}';

    IF cardinality(added) < cardinality(incoming) THEN  -- some were there: those of a lower run make way
        SELECT coalesce(array_agg(i), '{}'), array_agg((i).image_id) INTO removed, replaced
          FROM (SELECT images AS i FROM images JOIN unnest(incoming) n USING (image_id)
                 WHERE (n.run, n.written_by) > (images.run, images.written_by)
                 ORDER BY image_id FOR UPDATE OF images) standing;
        DELETE FROM renditions WHERE image_id = ANY (replaced);
        WITH updated AS (
            UPDATE images SET (
                run, customer, pipeline, door, route, reason, status, code, message, name, source, source_bytes,
                source_sha256, format, width, height, channels, depth, frames, seconds, cpu_seconds, peak_bytes,
                received_at, committed_at, version, erased_at, measurements, operations, outputs, bytes_out,
                largest_bytes, estimated_cpu_seconds, estimated_cpu_seconds_upper, estimated_peak_bytes,
                estimated_peak_bytes_upper, billed_seconds, memory_mb, vcpus, tier, machine, written_by
            ) = ROW (
                n.run, n.customer, n.pipeline, n.door, n.route, n.reason, n.status, n.code, n.message, n.name, n.source,
                n.source_bytes, n.source_sha256, n.format, n.width, n.height, n.channels, n.depth, n.frames, n.seconds,
                n.cpu_seconds, n.peak_bytes, n.received_at, n.committed_at, n.version, n.erased_at, n.measurements,
                n.operations, n.outputs, n.bytes_out, n.largest_bytes, n.estimated_cpu_seconds,
                n.estimated_cpu_seconds_upper, n.estimated_peak_bytes, n.estimated_peak_bytes_upper, n.billed_seconds,
                n.memory_mb, n.vcpus, n.tier, n.machine, n.written_by
            )
              FROM unnest(incoming) n WHERE images.image_id = n.image_id AND images.image_id = ANY (replaced)
            RETURNING images AS i
        )
        SELECT added || coalesce(array_agg(i), '{}') INTO added FROM updated;
    END IF;
    INSERT INTO renditions SELECT * FROM json_populate_recordset(NULL::renditions, new_renditions) r
     WHERE cardinality(added) = cardinality(incoming) OR r.image_id IN (SELECT image_id FROM unnest(added));

    -- What is asked for by the image's own customer; rows that it leaves keep their numbers. A sentence may name the key,
    -- a measurement is the picture's fingerprint.
    SELECT coalesce(array_agg(image_id), '{}') INTO erased FROM images JOIN tombstones t USING (image_id, customer)
     WHERE image_id IN (SELECT image_id FROM unnest(incoming) UNION ALL
                        SELECT image_id FROM json_populate_recordset(NULL::tombstones, new_tombstones));
    IF cardinality(erased) > 0 THEN
        UPDATE images SET name = NULL, source = 'erased', source_sha256 = NULL, message = NULL, reason = 'erased',
                          measurements = '{}', erased_at = t.requested_at
          FROM tombstones t
         WHERE images.image_id = ANY (erased) AND images.erased_at IS NULL
           AND t.image_id = images.image_id AND t.customer = images.customer;
        DELETE FROM renditions WHERE image_id = ANY (erased);
    END IF;

    PERFORM roll_up(added, removed);
    RETURN erased;
END
$$;
COMMENT ON FUNCTION record IS
    'Upsert results and tombstones: the highest run shows, a tombstone wins, again is nothing; returns what is erased';
