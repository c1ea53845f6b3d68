"""MLflow's registry store and artifact repository for `registry+http(s)://` addresses."""
