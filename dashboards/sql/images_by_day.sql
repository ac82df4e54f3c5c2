SELECT $__timeGroupAlias(day, '1d'), {{ kind }} AS metric, sum(images) AS images
  FROM {{ days }} WHERE {{ in_days }} GROUP BY 1, 2 ORDER BY 1, 2
