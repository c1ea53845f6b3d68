"""Pages for operators: tokens, webhooks, the audit, and what the registry keeps of itself."""
