"""From files to a version: sources, plan, hashing, session, jobs, sender, led by the uploader."""
