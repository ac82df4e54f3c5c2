SELECT $__timeGroupAlias(day, '1d'), route AS metric, max(p50) AS p50, max(p95) AS p95
  FROM latency_days WHERE $__timeFilter(day) GROUP BY 1, 2 ORDER BY 1, 2
