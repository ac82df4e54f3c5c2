SELECT {{ value }} FROM {{ view }} WHERE {{ of_image }}
