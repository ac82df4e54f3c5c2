SELECT code, sum(images) AS images FROM customer_months_by_code
 WHERE {{ of_customer }} AND {{ in_months }} AND code IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1
