"""What the peers' scripts share: the task on standard input, the outcome on standard output.

task:    {"servers": {"postgres": {...}, "mariadb": {...}},
          "work": {"sql": ..., "twice": ..., "rows": ..., "settings": {...}}, "verify": ...}
outcome: {"seconds": ..., "again": ..., "rows": ..., "memory": bytes, "sums": {...}, "answer": [[...]]}
"""

import json
import sys
import time

# PostgreSQL's numeric arrives as text from some drivers.
DECIMALS = {"l_quantity", "l_extendedprice", "l_discount", "l_tax"}


def task():
    return json.load(sys.stdin)


def peak_memory():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def column_sum(name, column):
    """The sum of numbers, of days since 1970-01-01, or of the bytes of texts, as text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks])
    kind = column.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if text and name.lower() in DECIMALS:
        column = column.cast(pa.decimal128(38, 2))
    elif text:
        column = pc.binary_length(column.cast(pa.large_string())).cast(pa.int64())
    elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        column = column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.decimal128(38, kind.scale))
    return str(pc.sum(column).as_py())


def sums(table):
    return {name.lower(): column_sum(name, table.column(name)) for name in table.column_names}


def tell(seconds, table=None, rows=None, again=None, verify=False, answer=None):
    outcome = {
        "seconds": seconds,
        "again": again,
        "rows": table.num_rows if rows is None else rows,
        "memory": peak_memory(),
        "answer": [[str(value) for value in row] for row in answer or []],
    }
    if verify and table is not None:
        outcome["sums"] = sums(table)
    json.dump(outcome, sys.stdout)


def timed(run):
    """Calls `run`; its result and how many seconds it took."""
    started = time.perf_counter()
    result = run()
    return result, time.perf_counter() - started
