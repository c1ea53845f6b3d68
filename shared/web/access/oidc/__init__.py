"""People and workloads by the tokens of OIDC issuers: fetched keys, verified tokens, grants."""
