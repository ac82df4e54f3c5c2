"""`infra/settings.toml`: its fields (`schema`), conflicts between fields (`checks`), and how it is read (`reader`)."""
