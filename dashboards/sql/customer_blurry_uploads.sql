SELECT committed_at AS committed, image_id::text AS image, pipeline, sharpness, share
  FROM blurry_uploads WHERE {{ of_customer }} AND $__timeFilter(committed_at) ORDER BY share, image_id LIMIT 50
