SELECT histogram_percentile(0.95, array_agg(bucket), array_agg(images)) AS seconds
  FROM {{ histogram }} WHERE name = 'Latency' AND {{ in_histogram }}
