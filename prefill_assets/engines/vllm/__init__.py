"""vLLM as an engine: a server that we start and own, or one that is up already, spoken to over HTTP."""
