-- The share of images of today and yesterday above their upper estimate, of time or of memory.
SELECT greatest(sum(beyond_time), sum(beyond_memory))::float8 / nullif(sum(images), 0) AS share
  FROM estimate_days WHERE day >= (now() AT TIME ZONE 'UTC')::date - 1
