-- The ledger: one row for each image, one for each rendition. All of it can be rebuilt from the bucket's results/
-- and tombstones/, so nothing here is known to the database alone: no defaults, no clocks, no sequences.

CREATE TABLE images (
    image_id      uuid PRIMARY KEY,
    run           integer NOT NULL,
    customer      text NOT NULL,
    pipeline      text NOT NULL,
    door          text NOT NULL,
    route         text NOT NULL,
    reason        text NOT NULL,
    status        text NOT NULL CHECK (status IN ('processed', 'failed')),
    code          text,
    message       text,
    name          text,
    source        text NOT NULL,
    source_bytes  bigint,
    source_sha256 text,
    format        text,
    width         bigint,
    height        bigint,
    channels      integer,
    depth         integer,
    frames        integer,
    seconds       double precision NOT NULL,
    cpu_seconds   double precision NOT NULL,
    peak_bytes    bigint NOT NULL,
    received_at   timestamptz NOT NULL,
    committed_at  timestamptz NOT NULL,
    version       text NOT NULL,
    erased_at     timestamptz,
    CHECK ((status = 'failed') = (code IS NOT NULL))
);
CREATE INDEX images_by_customer ON images (customer, committed_at DESC);
CREATE INDEX images_by_time ON images (committed_at DESC);
CREATE INDEX images_by_day ON images (((committed_at AT TIME ZONE 'UTC')::date));

CREATE TABLE renditions (
    image_id uuid NOT NULL REFERENCES images ON DELETE CASCADE,
    name     text NOT NULL,
    format   text NOT NULL,
    width    bigint NOT NULL,
    height   bigint NOT NULL,
    bytes    bigint NOT NULL,
    sha256   text NOT NULL,
    key      text NOT NULL,
    url      text NOT NULL,
    PRIMARY KEY (image_id, name, format)
);

CREATE TABLE tombstones (
    image_id     uuid NOT NULL,
    customer     text NOT NULL,
    requested_at timestamptz NOT NULL,
    PRIMARY KEY (image_id, customer)
);

COMMENT ON TABLE images IS 'One row for each image that ended, as its highest run left it';
COMMENT ON COLUMN images.image_id IS 'UUIDv5 of customer, pipeline and source: the same delivery has the same id, for ever';
COMMENT ON COLUMN images.run IS '0 for events; each explicit redrive or reprocess opens the next';
COMMENT ON COLUMN images.door IS 'How it came in: upload, direct, reference, kafka';
COMMENT ON COLUMN images.route IS 'Where it was worked on: lambda or batch';
COMMENT ON COLUMN images.reason IS 'Why that route, in words; erased, once it is';
COMMENT ON COLUMN images.code IS 'Why it failed, from the closed list in core/errors.py';
COMMENT ON COLUMN images.message IS 'The same in a sentence; null once erased';
COMMENT ON COLUMN images.name IS 'The file name it came with; null once erased';
COMMENT ON COLUMN images.source IS 'Where the source came from: s3://bucket/key as it was received; erased, once it is';
COMMENT ON COLUMN images.source_bytes IS 'Bytes of the source; null when it was never read';
COMMENT ON COLUMN images.format IS 'The format of the source; null when its header could not be read';
COMMENT ON COLUMN images.width IS 'Pixels as displayed, after EXIF orientation';
COMMENT ON COLUMN images.depth IS 'Bits per channel of the source';
COMMENT ON COLUMN images.seconds IS 'Wall-clock seconds in the worker';
COMMENT ON COLUMN images.cpu_seconds IS 'CPU seconds of the worker, all threads, by the kernel''s accounting';
COMMENT ON COLUMN images.peak_bytes IS 'Peak resident memory of the worker, by the kernel''s accounting';
COMMENT ON COLUMN images.received_at IS 'When the event said it arrived';
COMMENT ON COLUMN images.committed_at IS 'When its result was committed';
COMMENT ON COLUMN images.version IS 'The release of Picture Perfect that made the result';
COMMENT ON COLUMN images.erased_at IS 'When its erasure was asked for; what could tell of the picture or its name is gone';
COMMENT ON TABLE renditions IS 'One row for each output of an image''s highest run';
COMMENT ON COLUMN renditions.sha256 IS 'Of the file''s bytes, in hex; the key carries its first 16 digits';
COMMENT ON COLUMN renditions.url IS 'Where it can be fetched, until it expires';
COMMENT ON TABLE tombstones IS 'Erasures asked for; they win over every result, replay included';
