"""The vocabulary: money, periods, token classes, evidence, findings, errors, table contracts. Imports nothing of ours."""
