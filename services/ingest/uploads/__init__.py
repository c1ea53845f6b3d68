"""Upload sessions: opened, signed part by part, completed or aborted."""
