SELECT format, sum(images) AS images FROM days_by_format WHERE $__timeFilter(day) GROUP BY 1 ORDER BY 2 DESC, 1
