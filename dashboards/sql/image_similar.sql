SELECT other_id::text AS image, distance, other_committed_at AS committed
  FROM near_duplicates WHERE {{ of_image }} ORDER BY distance, other_id LIMIT 20
