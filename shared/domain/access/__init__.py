"""Who may do what: one decision from a principal's grants, an action and a model's name."""
