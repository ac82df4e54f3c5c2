SELECT customer, pipeline, format, width, height, channels, depth, frames, bytes_in AS "bytes in",
       outputs AS renditions, machine, memory_mb AS "MB", vcpus AS "vCPUs", version
  FROM image_facts WHERE {{ of_image }}
