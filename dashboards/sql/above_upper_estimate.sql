SELECT $__timeGroupAlias(day, '1d'),
       sum(beyond_time)::float8 / nullif(sum(images), 0) AS "CPU time",
       sum(beyond_memory)::float8 / nullif(sum(images), 0) AS memory
  FROM estimate_days WHERE {{ of_pipelines }} GROUP BY 1 ORDER BY 1
