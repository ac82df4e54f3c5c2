-- What AWS asks for, and how long objects are kept, both dated: configuration, which `migrate` writes from the price file and
-- its settings.

CREATE TABLE prices (
    valid_from date NOT NULL,
    service    text NOT NULL CHECK (service IN ('lambda', 'fargate', 's3')),
    machine    text NOT NULL,
    item       text NOT NULL,
    usd        numeric NOT NULL,
    region     text NOT NULL,
    PRIMARY KEY (valid_from, service, machine, item)
);
CREATE TABLE retention (
    valid_from date PRIMARY KEY,
    days       integer CHECK (days > 0)
);

-- From each day on the prices of that day; before the first, the first. A machine that nobody knows costs what x86_64
-- does, one that nobody spoke for (an empty name) costs nothing, nor does a laptop. There is a price for each route and
-- architecture on each day, since `migrate` fills in what a file does not say: no image is left out of a sum of dollars.
CREATE VIEW price_periods AS
WITH days AS (
    SELECT valid_from,
           CASE WHEN lag(valid_from) OVER earlier IS NULL THEN '0001-01-01' ELSE valid_from END AS since,
           coalesce(lead(valid_from) OVER earlier, '9999-12-31') AS until
      FROM (SELECT DISTINCT valid_from FROM prices) dated
    WINDOW earlier AS (ORDER BY valid_from)
), kept AS (
    SELECT valid_from AS since, coalesce(lead(valid_from) OVER (ORDER BY valid_from), '9999-12-31') AS until, days
      FROM retention
), storage AS (
    SELECT valid_from,
           max(usd) FILTER (WHERE item = 'put') AS put,
           max(usd) FILTER (WHERE item = 'get') AS get,
           max(usd) FILTER (WHERE item = 'gb_month') AS gb_month
      FROM prices WHERE service = 's3' GROUP BY valid_from
), compute AS (
    SELECT valid_from, CASE service WHEN 'lambda' THEN 'lambda' ELSE 'batch' END AS route, machine,
           coalesce(max(usd) FILTER (WHERE item = 'gb_second'), max(usd) FILTER (WHERE item = 'gb_hour') / 3600) AS gb_second,
           coalesce(max(usd) FILTER (WHERE item = 'vcpu_hour') / 3600, 0) AS vcpu_second,
           coalesce(max(usd) FILTER (WHERE item = 'request'), 0) AS request
      FROM prices WHERE service IN ('lambda', 'fargate') GROUP BY valid_from, service, machine
    UNION ALL
    SELECT DISTINCT valid_from, free.route, free.machine, 0, 0, 0 FROM prices CROSS JOIN (VALUES
        ('lambda', ''), ('batch', ''), ('local', ''), ('local', 'x86_64'), ('local', 'aarch64')) free (route, machine)
)
SELECT greatest(days.since, kept.since) AS since, least(days.until, kept.until) AS until, compute.route, compute.machine, compute.gb_second, compute.vcpu_second, compute.request,
       storage.put, storage.get, storage.gb_month,
       storage.gb_month * coalesce(kept.days * 12 / 365.0, 1) AS gb_kept  -- where nothing expires, for a month
  FROM days JOIN compute USING (valid_from) JOIN storage USING (valid_from)
  JOIN kept ON kept.since < days.until AND kept.until > days.since;

COMMENT ON TABLE prices IS 'What AWS asks for, in US dollars, each from a day on; from core/prices.json, by `migrate`';
COMMENT ON COLUMN prices.valid_from IS 'The day from which on it holds; the earliest also holds for what was before';
COMMENT ON COLUMN prices.service IS 'lambda, fargate or s3';
COMMENT ON COLUMN prices.machine IS 'The architecture, as uname -m says; empty for S3';
COMMENT ON COLUMN prices.item IS 'gb_second, request; vcpu_hour, gb_hour; put, get, gb_month';
COMMENT ON COLUMN prices.usd IS 'US dollars for one of them, on demand, before any free tier';
COMMENT ON COLUMN prices.region IS 'The AWS region that asks for so much';
COMMENT ON TABLE retention IS 'How long objects are kept, each from a day on, as RETENTION_DAYS told `migrate` then';
COMMENT ON COLUMN retention.valid_from IS 'The day from which on it holds, for dollars; in S3 the latest holds for all there is';
COMMENT ON COLUMN retention.days IS 'Days after which S3 removes what is processed; null: it does not';
COMMENT ON VIEW price_periods IS 'Prices, and the retention, as they hold from one day to another, for a route and an architecture';
COMMENT ON COLUMN price_periods.since IS 'The first day; of the earliest prices, that of the calendar';
COMMENT ON COLUMN price_periods.until IS 'The day after the last; of the latest prices, the end of the year 9999';
COMMENT ON COLUMN price_periods.route IS 'lambda; batch, which runs on Fargate; local, which is free';
COMMENT ON COLUMN price_periods.machine IS 'The architecture; empty: nobody knows, and nothing is charged';
COMMENT ON COLUMN price_periods.gb_second IS 'US dollars for a GB of memory during a second';
COMMENT ON COLUMN price_periods.vcpu_second IS 'US dollars for a vCPU during a second; with Lambda it is in the memory''s';
COMMENT ON COLUMN price_periods.request IS 'US dollars for an invocation';
COMMENT ON COLUMN price_periods.put IS 'US dollars for an object written to S3';
COMMENT ON COLUMN price_periods.get IS 'US dollars for an object read from S3';
COMMENT ON COLUMN price_periods.gb_month IS 'US dollars for a GB kept in S3 for a month';
COMMENT ON COLUMN price_periods.gb_kept IS 'US dollars for a GB in S3 for as long as it is kept; where it is for ever, for a month';
