SELECT name, value, unit FROM metrics WHERE {{ of_image }} ORDER BY name
