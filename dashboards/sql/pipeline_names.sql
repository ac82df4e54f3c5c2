SELECT DISTINCT pipeline FROM days_by_pipeline WHERE $__timeFilter(day) ORDER BY pipeline
