SELECT $__timeGroupAlias(day, '1d'), sum(compute_usd) AS compute, sum(requests_usd) AS requests,
       sum(storage_usd) AS storage
  FROM {{ days }} WHERE {{ in_days }} GROUP BY 1 ORDER BY 1
