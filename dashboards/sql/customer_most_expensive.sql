SELECT time AS committed, image_id::text AS image, pipeline, route, tier, format, total AS dollars
  FROM dollars WHERE {{ of_customer }} AND $__timeFilter(time)
 ORDER BY total DESC NULLS LAST, image_id LIMIT 50
