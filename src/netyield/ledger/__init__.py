"""The books: ingest, scope, pools, amortise, reconcile, corrections, conserve, lineage, close."""
