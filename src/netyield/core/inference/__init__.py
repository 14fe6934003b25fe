"""What a model takes and a GPU gives: memory layout, FLOPs, catalogues. Shared by rooms that do not know each other."""
