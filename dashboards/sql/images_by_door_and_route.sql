SELECT source || ', ' || route AS way, sum(images) AS images FROM {{ routes }}
 WHERE {{ in_routes }} GROUP BY 1 ORDER BY 2 DESC, 1
