"""Everything `groundswell check` looks at: one function for each thing, pure where it can be."""
