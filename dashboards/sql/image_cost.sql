SELECT kind, usd AS dollars FROM dollars, LATERAL (VALUES
           (1, 'compute', compute), (2, 'requests', requests), (3, 'storage', storage),
           (4, 'total', total)
       ) parts (place, kind, usd)
 WHERE {{ of_image }} ORDER BY place
