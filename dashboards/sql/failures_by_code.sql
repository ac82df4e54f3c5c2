SELECT code, sum(images) AS images,
       sum(images)::float8 / nullif((SELECT sum(images) FROM days_by_code WHERE $__timeFilter(day)), 0) AS share
  FROM days_by_code WHERE $__timeFilter(day) AND code IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1
