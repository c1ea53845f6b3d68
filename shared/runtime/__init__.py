"""What a process runs on: settings, logs, start and end, tasks side by side."""
