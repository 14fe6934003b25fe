"""Which ways are there for a model, where nobody wrote them down? Providers that list it, rented and owned GPUs, a hybrid.

A start for a file of one's own: everything in it is a list price or an assumption, and the answer says so.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from netyield.core.finding import Finding, Severity
from netyield.economics.placement.assumed import default_of
from netyield.economics.placement.costs import finding
from netyield.economics.placement.options import Options, parse_options
from netyield.sources.prices.genai_catalogue import catalogue_rows
from netyield.sources.prices.gpu_rates import find_rates
from netyield.sources.prices.price_rows import STANDARD

MOST_APIS = 3


def suggested_options(model: str, gpu: str, on: date, slo: str | None = None) -> Options:
    """Options for a model on a GPU: the cheapest providers of that model by list, rent, own, and a trough with a spill."""
    apis = [
        {"kind": "api", "name": f"{provider} API", "model": model, "provider": provider, "provider_model": name}
        for provider, name in listed_by(model)
    ]
    name = gpu.upper()
    fleets: list[dict[str, Any]] = []
    if find_rates(name):
        fleets.append({"kind": "rent", "name": f"{name} rented", "model": model, "gpu": gpu.lower(), "term": "on_demand"})
    if default_of("usd_per_gpu", gpu) is not None:
        bridge = {"bridge": fleets[0]["name"]} if fleets else {}
        fleets.append({"kind": "own", "name": f"{name} owned", "model": model, "gpu": gpu.lower(), "lead_months": 3, **bridge})
    if apis and fleets:
        base, spill = fleets[0]["name"], apis[0]["name"]
        fleets.append({"kind": "hybrid", "name": f"{name} for the trough, {spill} for the rest", "base": base, "spill": spill})
    decision = {"model": model, "as_of": on, **({"slo": slo} if slo else {})}
    return parse_options({"decision": decision, "option": [*apis, *fleets]}, f"options for {model}")


def not_suggested(ways: Options, gpu: str) -> tuple[Finding, ...]:
    """Which kinds of way are missing because no public price is known, so that none is dropped silently."""
    kinds = {option.kind for option in ways.option}
    words = {"api": "a provider that lists this model", "rent": f"a public rent of a {gpu.upper()}", "own": f"a price of a {gpu.upper()}"}
    missing = [word for kind, word in words.items() if kind not in kinds]
    if not missing:
        return ()
    message = f"not among the ways, for none is known: {', '.join(missing)}."
    return (finding("not_suggested", Severity.WARNING, message, "Write them with their prices: --write-options FILE, --options FILE."),)


def listed_by(model: str) -> list[tuple[str, str]]:
    """(provider, model) of lists that name this very model, the cheapest first; one of each provider."""
    wanted = _bare(model)
    found: dict[str, tuple[float, str]] = {}
    for row in catalogue_rows():
        if row.tariff != STANDARD or row.currency != "USD" or row.from_input_tokens or _bare(row.model) != wanted:
            continue
        price = row.rates.get("in_uncached", 0) * 3.0 + row.rates.get("out_text", 0)
        if price > 0 and price < found.get(row.provider, (float("inf"), ""))[0]:
            found[row.provider] = (price, row.model)
    ranked = sorted(found.items(), key=lambda each: (each[1][0], each[0]))
    return [(provider, name) for provider, (_, name) in ranked[:MOST_APIS]]


def _bare(name: str) -> str:
    return name.lower().rsplit("/", 1)[-1].replace("_", "-")


EXAMPLE = """\
# The ways `netyield placement compare --options THIS_FILE` compares. A number is exact, [low, likely, high] an interval;
# { value = ..., source = "...", dated = 2026-11-01 } says whose word one of them is. What is left out is assumed, from dated
# defaults with a source, and listed in the answer. Utilisation has no key: it follows from the traffic and the objective.

[decision]
model = "deepseek-ai/DeepSeek-V4-Flash"
as_of = 2026-11-22
horizon_months = 36

[traffic]
growth = [0.8, 1.0, 1.5]              # mean demand over the horizon against the measured one
# weekly_peak_to_mean = [1.0, 1.9, 3.5]  # how much busier the file's hours are than its week; a week needs none
# cache_read_share = [0.2, 0.4, 0.6]     # of input tokens, where the file has no column of cached tokens
# useful_share = [0.6, 0.7, 0.8]         # of output tokens, from your outcomes; --from-ledger knows its own
source = "capacity review, November 2026"
dated = 2026-11-10

[constraints]                          # an option that breaks one is out, whatever it costs
# residency = "eu"
# certificates = ["iso27001"]
# data_at = "fra1"                     # data gravity: only options at = "fra1"
# gpu_memory_gib = 640                 # of one replica
# max_kw = 40
# max_rack_units = 42
# max_kw_per_rack = 20
# max_lead_months = 6

# [training]                           # a load of its own: on what serving leaves over, the rest rented at this price
# gpu_hours_per_month = 2000
# from_hour = 20                       # UTC; any hour where both are left out
# to_hour = 6
# usd_per_gpu_hour = [1.2, 1.6, 2.2]
# dated = 2026-11-01
# source = "spot quotes"

[[capacity]]                           # what your load test says one replica does within the objective, tokens/s
gpu = "h200"
gpus_per_replica = 8
prefill = 52300                        # input tokens a second of a replica that only prefills, and
decode = 22300                         # output tokens a second of one that only decodes; or: processed = 26600
log_sd = 0.18                          # spread of real over measured service time
dated = 2026-11-01
source = "guidellm, 3 points"

[[option]]
kind = "api"
name = "DeepSeek API"
provider = "deepseek"                  # of the dated price list; or write input, cache_read, cache_write, output
provider_model = "deepseek-v4-flash"
price_change = [0.7, 0.95, 1.05]       # mean price over the horizon against the list
batch_share = 0.2                      # of the requests that can wait, at the provider's batch tariff
# tariff = "flex"                      # standard | flex | priority | fast, where the list has it
# tier = [{ from_usd_per_month = 10000, discount = 0.1 }]   # what is spent beyond is cheaper

[[option]]
kind = "rent"
name = "H200 rented, a year"
gpu = "h200"
class = "specialised"                  # specialised | general | marketplace
usd_per_gpu_hour = 2.60
term = "12 months"                     # on_demand | spot | N months
dated = 2026-11-10
source = "quote 4711"
minimum_gpus = 8
spare_replicas = 1

[[option]]
kind = "own"
name = "H200 owned"
gpu = "h200"
usd_per_gpu = [38000, 42000, 48000]    # or assets = "dgx-*" and register = "assets.toml": its price, life, residual, power
lead_months = 4
bridge = "H200 rented, a year"         # who serves until the GPUs stand
minimum_fte = 1.5
gpus_per_fte = 64
dated = 2026-11-10
source = "quote 4712"

[[option]]
kind = "own"
name = "H200 owned, managed stack"
gpu = "h200"
usd_per_gpu = [38000, 42000, 48000]
stack = "a managed stack"
virtualisation_tax = [0.01, 0.03, 0.06]
dated = 2026-11-10
source = "quote 4712"
licence = [
  { name = "AI software", per = "gpu", usd_per_year = 4500, dated = 2026-11-01, source = "list price" },
  { name = "platform", per = "core", usd_per_year = 190, cores_per_gpu = 16, dated = 2026-11-01, source = "quote 4713" },
]

[[option]]
kind = "hybrid"
name = "trough rented, rest to the API"
base = "H200 rented, a year"
spill = "DeepSeek API"
"""
