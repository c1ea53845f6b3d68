"""MLflow's registry interface, reading: a stock client is given MLFLOW_REGISTRY_URI=.../mlflow."""
