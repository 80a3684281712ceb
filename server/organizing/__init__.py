"""The domain: what people do here, a folder per noun. Services write, policies permit, queries show."""
