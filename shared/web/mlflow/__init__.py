"""What both services have of MLflow's registry interface: its errors, and its models."""
