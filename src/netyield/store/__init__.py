"""Where bytes live: immutable Parquet segments, numbered manifests, the in-memory SQL engine."""
