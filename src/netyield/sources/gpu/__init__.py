"""GPU telemetry: Prometheus, metrics text, nvidia-smi, mapped CSV."""
