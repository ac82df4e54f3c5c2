-- What each image took and made, as numbers of its own: they outlive its renditions, which an erasure takes away. What
-- is there already has no machine: results from before do not say. A replay fills in all that a result does say, since
-- those rows were written by an older recorder: `written_by`.

ALTER TABLE images
    ADD COLUMN outputs                     integer NOT NULL DEFAULT 0,
    ADD COLUMN bytes_out                   bigint NOT NULL DEFAULT 0,
    ADD COLUMN largest_bytes               bigint,
    ADD COLUMN estimated_cpu_seconds       double precision,
    ADD COLUMN estimated_cpu_seconds_upper double precision,
    ADD COLUMN estimated_peak_bytes        bigint,
    ADD COLUMN estimated_peak_bytes_upper  bigint,
    ADD COLUMN billed_seconds              double precision,
    ADD COLUMN memory_mb                   integer,
    ADD COLUMN vcpus                       double precision,
    ADD COLUMN tier                        text,
    ADD COLUMN machine                     text,
    ADD COLUMN written_by                  integer NOT NULL DEFAULT 0,
    ADD COLUMN perceptual_hash             bit(64) GENERATED ALWAYS AS (
        CASE WHEN measurements ->> 'perceptual-hash' ~ '^[0-9a-f]{16}$'
             THEN ('x' || (measurements ->> 'perceptual-hash'))::bit(64) END) STORED;
UPDATE images SET outputs = r.outputs, bytes_out = r.bytes_out, largest_bytes = r.largest_bytes
  FROM (SELECT image_id, count(*) AS outputs, sum(bytes) AS bytes_out, max(bytes) AS largest_bytes
          FROM renditions GROUP BY image_id) r
 WHERE r.image_id = images.image_id;
ALTER TABLE images
    ALTER COLUMN outputs DROP DEFAULT,
    ALTER COLUMN bytes_out DROP DEFAULT,
    ALTER COLUMN written_by DROP DEFAULT;

-- A customer's images, newest first, a page after the other
CREATE INDEX images_of_customer ON images (customer, committed_at DESC, image_id DESC);
DROP INDEX images_by_customer;

COMMENT ON COLUMN images.outputs IS 'Renditions that were made; they may be erased since';
COMMENT ON COLUMN images.bytes_out IS 'Bytes of all renditions that were made';
COMMENT ON COLUMN images.largest_bytes IS 'Bytes of the largest of them; null where there was none';
COMMENT ON COLUMN images.estimated_cpu_seconds IS 'CPU seconds as estimated from the header; null where it was not';
COMMENT ON COLUMN images.estimated_cpu_seconds_upper IS 'What it would hardly exceed, by the same estimate';
COMMENT ON COLUMN images.estimated_peak_bytes IS 'Peak resident memory as estimated';
COMMENT ON COLUMN images.estimated_peak_bytes_upper IS 'What it would hardly exceed, by the same estimate';
COMMENT ON COLUMN images.billed_seconds IS 'Seconds of the machine that it has to pay for, from its acceptance to its commit';
COMMENT ON COLUMN images.memory_mb IS 'Memory of the function, or of the Batch job, in MB';
COMMENT ON COLUMN images.vcpus IS 'vCPUs of the same';
COMMENT ON COLUMN images.tier IS 'The Batch tier, by its name; null for the function';
COMMENT ON COLUMN images.machine IS 'The architecture, as uname -m says; null where no machine spoke for the image';
COMMENT ON COLUMN images.written_by IS 'Which recorder wrote the row: a replay by a newer one writes it again';
COMMENT ON COLUMN images.perceptual_hash IS 'The measurement perceptual-hash as bits: near-duplicates differ in few';
COMMENT ON COLUMN images.customer IS 'Whose image it is';
COMMENT ON COLUMN images.pipeline IS 'Which pipeline it went through, by its name';
COMMENT ON COLUMN images.status IS 'How it ended: processed or failed';
COMMENT ON COLUMN images.source_sha256 IS 'Of the source''s bytes, in hex; null once erased';
COMMENT ON COLUMN images.height IS 'Pixels as displayed, after EXIF orientation';
COMMENT ON COLUMN images.channels IS 'Of the source: 1 grey, 2 grey and alpha, 3 colours, 4 with alpha or CMYK';
COMMENT ON COLUMN images.frames IS 'Frames of an animation, pages of a TIFF; 1 for a single picture';
COMMENT ON COLUMN renditions.image_id IS 'Of which image';
COMMENT ON COLUMN renditions.name IS 'The rendition''s name in the pipeline';
COMMENT ON COLUMN renditions.format IS 'The format of the file';
COMMENT ON COLUMN renditions.width IS 'Pixels';
COMMENT ON COLUMN renditions.height IS 'Pixels';
COMMENT ON COLUMN renditions.bytes IS 'Bytes of the file';
COMMENT ON COLUMN renditions.key IS 'Where it lies in the bucket';
COMMENT ON COLUMN tombstones.image_id IS 'Which image is to be erased';
COMMENT ON COLUMN tombstones.customer IS 'Who asked; another customer''s image is not erased by it';
COMMENT ON COLUMN tombstones.requested_at IS 'When it was asked for first';
COMMENT ON TABLE schema_migrations IS 'Which numbered files of core/adapters/schema were applied';
COMMENT ON COLUMN schema_migrations.name IS 'The file''s name';
COMMENT ON COLUMN schema_migrations.applied_at IS 'When';
