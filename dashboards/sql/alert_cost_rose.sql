-- The cost of an image of yesterday by the average of the four weeks before; no row under 100 images.
WITH days AS (
    SELECT day = (now() AT TIME ZONE 'UTC')::date - 1 AS yesterday, images, usd FROM days_by_source
     WHERE day BETWEEN (now() AT TIME ZONE 'UTC')::date - 29 AND (now() AT TIME ZONE 'UTC')::date - 1
)
SELECT sum(usd) FILTER (WHERE yesterday) / nullif(sum(images) FILTER (WHERE yesterday), 0)
       / nullif(sum(usd) FILTER (WHERE NOT yesterday)
                / nullif(sum(images) FILTER (WHERE NOT yesterday), 0), 0) AS times
  FROM days HAVING sum(images) FILTER (WHERE yesterday) >= 100
