SELECT $__timeGroupAlias(day, '1d'), pipeline AS metric,
       (sum(cpu_seconds) / nullif(sum(estimated_cpu_seconds), 0))::float8 AS truth
  FROM estimate_days WHERE {{ of_pipelines }} GROUP BY 1, 2 ORDER BY 1, 2
