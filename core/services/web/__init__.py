"""The use cases of the web API: uploads and the gallery."""
