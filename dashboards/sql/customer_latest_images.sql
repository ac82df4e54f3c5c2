SELECT committed_at AS committed, image_id::text AS image, pipeline, source, route, format,
       width, height, bytes_in AS "bytes in", outputs AS renditions, bytes_saved AS "bytes saved",
       latency_seconds AS wait, status, code
  FROM image_facts WHERE {{ of_customer }} AND $__timeFilter(committed_at)
 ORDER BY committed_at DESC, image_id DESC LIMIT 100
