SELECT rendition, format, width, height, frames, bytes, url, expires_at AS expires
  FROM urls WHERE {{ of_image }} ORDER BY rendition, format
