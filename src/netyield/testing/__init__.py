"""Example company with planted truth, and the conformance suite every source passes."""
