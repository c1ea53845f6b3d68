"""How each server and each service is run."""
