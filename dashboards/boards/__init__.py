"""The four dashboards; each module has a `build` that returns one."""
