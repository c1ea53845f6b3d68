"""What operators do by hand: reconcile, look into the dead letters, rebuild the records."""
