"""The columns of the answer ``depreciation``: schedule, assets, rules, general ledger, unit costs."""

from __future__ import annotations

from netyield.answers.answer import AnswerColumn

AMOUNTS = ("opening", "additions", "charge", "written_down", "disposed", "accumulated", "carrying")
BOOK_WORDS = {"ifrs": "IFRS", "us_gaap": "US GAAP"}
COLUMNS = (
    AnswerColumn("period", "text", "", "Month or calendar year"),
    AnswerColumn("currency", "text", "", "Currency of the row"),
    AnswerColumn("opening", "money", "currency", "Carrying amount at its start"),
    AnswerColumn("additions", "money", "currency", "Cost of assets placed in service"),
    AnswerColumn("charge", "money", "currency", "Depreciation of the period"),
    AnswerColumn("written_down", "money", "currency", "Impairment losses less reversals"),
    AnswerColumn("disposed", "money", "currency", "Carrying amount of assets disposed of"),
    AnswerColumn("accumulated", "money", "currency", "Accumulated depreciation of the assets held at its end"),
    AnswerColumn("carrying", "money", "currency", "Carrying amount at its end"),
)
ASSET_COLUMNS = (
    AnswerColumn("asset", "text", "", "Asset"),
    AnswerColumn("currency", "text", "", "Currency of the row"),
    AnswerColumn("method", "text", "", "Method of its last estimate"),
    AnswerColumn("in_service", "text", "", "First day of service"),
    AnswerColumn("life_ends", "text", "", "First month after its useful life"),
    AnswerColumn("cost", "money", "currency", "What was paid"),
    AnswerColumn("residual", "money", "currency", "Residual value of its last estimate"),
    AnswerColumn("charged", "money", "currency", "Depreciation over all rows"),
    AnswerColumn("written_down", "money", "currency", "Impairment losses less reversals"),
    AnswerColumn("gain", "money", "currency", "Proceeds less carrying amount on disposal; blank = none"),
)
PHASE_COLUMNS = (
    AnswerColumn("asset", "text", "", "Asset"),
    AnswerColumn("from", "text", "", "Month from which its charges follow the rule"),
    AnswerColumn("why", "text", "", "What made the rule"),
    AnswerColumn("words", "text", "", "The rule: what is used up, and over what"),
)
TIE_COLUMNS = (
    AnswerColumn("account", "text", "", "Account of the general ledger"),
    AnswerColumn("currency", "text", "", "Currency of the row"),
    AnswerColumn("assets", "money", "currency", "Balance of the owned assets, debit positive"),
    AnswerColumn("general_ledger", "money", "currency", "Balance of the trial balance; blank = no such account"),
    AnswerColumn("difference", "money", "currency", "General ledger less assets"),
)
LINE_COLUMNS = (
    AnswerColumn("line", "text", "", "From the register's carrying amount to the general ledger's"),
    AnswerColumn("currency", "text", "", "Currency of the row"),
    AnswerColumn("amount", "money", "currency", "Amount; the lines above the last add up to it"),
)
UNIT_COLUMNS = (
    AnswerColumn("period", "text", "", "Month"),
    AnswerColumn("since", "text", "", "First moment of it in the ledger's window"),
    AnswerColumn("until", "text", "", "First moment after it"),
    AnswerColumn("currency", "text", "", "Currency of the ledger's report"),
    AnswerColumn("in_scope", "money", "currency", "Money in scope; of a slice with its share of what carries none"),
    AnswerColumn("depreciation", "money", "currency", "Depreciation of owned assets in it"),
    AnswerColumn("with_low", "money", "currency per million tokens", "Cost per useful million tokens, lower bound"),
    AnswerColumn("with_high", "money", "currency per million tokens", "Its upper bound; empty = unbounded"),
    AnswerColumn("without_low", "money", "currency per million tokens", "The same without depreciation"),
    AnswerColumn("without_high", "money", "currency per million tokens", "Its upper bound; empty = unbounded"),
)
