SELECT $__timeGroupAlias(day, '1d'), sum(bytes_in) AS "in", sum(bytes_out) AS "out",
       sum(bytes_saved) AS saved
  FROM {{ days }} WHERE {{ in_days }} GROUP BY 1 ORDER BY 1
