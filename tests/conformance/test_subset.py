"""The check of the subset refuses what the subset forbids (test_same_rows.py applies it to every statement)."""

from __future__ import annotations

import pytest
from sql_subset import violations

FORBIDDEN = {
    "asof": "SELECT a FROM t ASOF JOIN p ON t.k = p.k AND t.x >= p.x",
    "division": "SELECT a / b AS q FROM t",
    "integer division": "SELECT a // b AS q FROM t",
    "spark's division": "SELECT a DIV b AS q FROM t",
    "average": "SELECT AVG(a) AS m FROM t",
    "decimal literal": "SELECT a * 0.5 AS h FROM t",
    "bare fraction": "SELECT a * .5 AS h FROM t",
    "exponent": "SELECT a * 1e6 AS h FROM t",
    "hexadecimal": "SELECT 0x10 AS h FROM t",
    "number too wide": f"SELECT {10**38} AS h FROM t",
    "float": "SELECT CAST(a AS DOUBLE) AS f FROM t",
    "short integer": "SELECT CAST(a AS INTEGER) AS f FROM t",
    "scaled decimal": "SELECT CAST(a AS DECIMAL(18,6)) AS f FROM t",
    "short cast": "SELECT a::BIGINT AS f FROM t",
    "raw sum": "SELECT SUM(a) AS s FROM t",
    "sum of a case of something": "SELECT SUM(CASE WHEN a = 1 THEN b ELSE 0 END) AS s FROM t",
    "running sum without frame": "SELECT SUM(1) OVER (PARTITION BY k ORDER BY t) AS s FROM t",
    "running maximum without frame": "SELECT MAX(a) OVER (PARTITION BY k ORDER BY t) AS s FROM t",
    "total over a window": "SELECT total(a) OVER (PARTITION BY k) AS s FROM t",
    "range frame": "SELECT SUM(1) OVER (ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS s FROM t",
    "lead without order": "SELECT LEAD(a, 1) OVER (PARTITION BY k) AS s FROM t",
    "first value": "SELECT FIRST_VALUE(a) OVER (ORDER BY t) AS s FROM t",
    "time function": "SELECT epoch_us(a) AS s FROM t",
    "edge function": "SELECT micros(a) AS s FROM t",
    "hash": "SELECT md5(a) AS s FROM t",
    "least": "SELECT least(a, b) AS s FROM t",
    "qualify": "SELECT a FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1",
    "group by all": "SELECT a, COUNT(*) AS n FROM t GROUP BY ALL",
    "group by position": "SELECT a, COUNT(*) AS n FROM t GROUP BY 1",
    "exclude": "SELECT * EXCLUDE (a) FROM t",
    "by name": "SELECT a FROM t UNION ALL BY NAME SELECT a FROM u",
    "distinct union": "SELECT a FROM t UNION SELECT a FROM u",
    "distinct": "SELECT DISTINCT a FROM t",
    "order of the result": "SELECT a FROM t ORDER BY a",
    "limit": "SELECT a FROM t LIMIT 1",
    "concatenation": "SELECT a || b AS c FROM t",
    "list": "SELECT [a, b] AS c FROM t",
    "pattern": "SELECT a FROM t WHERE a LIKE 'x%'",
    "time literal": "SELECT a FROM t WHERE a < TIMESTAMP '2026-01-01'",
    "join by range": "SELECT a FROM t JOIN u ON t.a < u.b",
    "join without condition": "SELECT a FROM t JOIN u WHERE t.a = u.b",
    "cross join": "SELECT a FROM t CROSS JOIN u",
    "two statements": "SELECT a FROM t; SELECT b FROM t",
    "no query": "CREATE TABLE x AS SELECT a FROM t",
    "unfilled": "SELECT a FROM t WHERE a > {lo}",
}
ALLOWED = """
-- comments may say / and AVG(x) and 0.5
WITH p AS (
  SELECT k, a, LEAD(a, 1) OVER (PARTITION BY k ORDER BY a) AS b, ROW_NUMBER() OVER (PARTITION BY k ORDER BY a) AS n,
         MAX(CASE WHEN a = 1 THEN a END) OVER (PARTITION BY k) AS top,
         SUM(CASE WHEN a IN (1, 2) THEN 1 ELSE 0 END) OVER (ORDER BY a ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS g
  FROM t
)
SELECT p.k, 'a / 0.5' AS word, narrow(total(int_div(wide(p.a) * 3, p.b))) AS x, CAST(NULL AS BIGINT) AS y, COUNT(*) AS n, p.a % 7 AS r
FROM p LEFT JOIN u ON p.k = u.k AND p.a >= u.a AND p.a < u.b JOIN hours h ON p.a < h.b AND p.b > h.a
WHERE p.a BETWEEN 1 AND 10 AND NOT (p.b IS NULL) GROUP BY p.k, p.a % 7
UNION ALL SELECT k, w, x, y, n, r FROM q
"""


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_the_check_refuses(statement: str) -> None:
    assert violations(statement) != []


def test_the_check_accepts_the_subset() -> None:
    assert violations(ALLOWED) == []
