"""MLflow's servers as a source, by their REST interface: MLflow itself is not needed."""
