SELECT committed_at AS committed, image_id::text AS image, other_id::text AS other, distance
  FROM near_duplicates WHERE {{ of_customer }} AND $__timeFilter(committed_at)
   AND $__timeFilter(other_committed_at) AND image_id < other_id
 ORDER BY distance, committed_at DESC, image_id LIMIT 50
