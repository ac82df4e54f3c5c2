SELECT pipeline, sum(images) AS images, {{ failed_share }} AS failed, sum(outputs) AS renditions,
       sum(cpu_seconds) / nullif(sum(images), 0) AS "CPU of one", sum(usd) AS dollars,
       {{ usd_per_thousand }} AS "dollars a thousand"
  FROM days_by_pipeline WHERE {{ of_pipelines }} GROUP BY pipeline ORDER BY sum(usd) DESC NULLS LAST, pipeline
