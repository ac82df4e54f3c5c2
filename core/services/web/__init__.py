"""The use cases of the web page's API: uploads and the gallery."""
