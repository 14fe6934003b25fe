"""What do the words of the report mean? Short definitions, printed at its end."""

from __future__ import annotations

from netyield.core.evidence import Evidence

BASES = {
    "effective": "amortised cost (EffectiveCost)",
    "billed": "billed cost (BilledCost)",
    "list": "list cost (ListCost)",
    "contracted": "contracted cost (ContractedCost)",
    "list_estimate": "list-price estimate, no bill",
}
EVIDENCE = {
    Evidence.MEASURED: "read from a meter or a bill",
    Evidence.DERIVED: "exact arithmetic on measured values",
    Evidence.MODELLED: "a method with an error, named beside the figure",
    Evidence.ASSUMED: "declared by a person, or a default",
}
TERMS = (
    ("In scope", "The waterfall's total less money outside AI, training and tax."),
    (
        "Net yield",
        "The part of the money in scope that became useful tokens. The lower bound is proven by outcomes; the "
        "upper bound adds everything that may have been useful.",
    ),
    (
        "Useful output tokens",
        "Visible text, tool calls, audio and images of answers that were used. Reasoning and input "
        "tokens are never counted as useful; they are part of the cost.",
    ),
    (
        "Certain waste",
        "Idle and unallocated capacity, unused commitments, and answers that failed, were aborted or were "
        "replaced by a recorded retry. No opinion is needed to call it waste.",
    ),
    (
        "GPU activity",
        "Mean activity of the paid GPU-hours, from the device's own signal. It is an interval when some "
        "hours are unknown.",
    ),
    ("Unproven", "Work whose answers have no outcome yet. Silence is never counted as useful, nor as waste."),
    ("Unknown", "Money or hours for which a source is missing. Unknown is never zero."),
    ("Unpriced", "Tokens for which no price is known; shown with their volume, never as free."),
    ("Idle", "A GPU somebody holds whose signal is zero. Memory that is merely reserved does not count as work."),
    (
        "Direct and loaded",
        "Direct is what a slice used itself; loaded adds its share of idle, unused and platform cost. "
        "Loaded slices add up to the total.",
    ),
    (
        "Unbounded",
        "No upper bound can be given: no token of this slice is proven useful, so the cost of one may be any amount.",
    ),
    ("Not measured", "No connected source can tell. It is not zero; the note names what would fill it."),
)
