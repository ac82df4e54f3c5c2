SELECT $__timeGroupAlias(day, '1d'), sum(failed) AS failed
  FROM customer_days WHERE {{ of_customer }} AND $__timeFilter(day) GROUP BY 1 ORDER BY 1
