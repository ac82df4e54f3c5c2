SELECT $__timeGroupAlias(day, '1d'), {{ failed_share }} AS failed
  FROM days_by_source WHERE $__timeFilter(day) GROUP BY 1 ORDER BY 1
