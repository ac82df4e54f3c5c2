SELECT committed_at AS committed, image_id::text AS image, pipeline, source, format, code
  FROM image_facts WHERE {{ of_customer }} AND $__timeFilter(committed_at) AND status = 'failed'
 ORDER BY committed_at DESC, image_id DESC LIMIT 50
