SELECT pipeline, sum(images) AS images FROM customer_months_by_pipeline
 WHERE {{ of_customer }} AND {{ in_months }} GROUP BY 1 ORDER BY 2 DESC, 1
