"""MLflow's registry interface, writing: query hands on to here what its clients send there."""
