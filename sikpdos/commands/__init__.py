"""One module a subcommand: parse, one call into the core, write."""
