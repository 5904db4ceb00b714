"""Bearer tokens, and the keys for verification."""
