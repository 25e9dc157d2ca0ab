"""Makes a table of a SQLite file from an Arrow stream, as `headwater conformance --write-dataset rows.arrow` writes it.

    python load.py FILE.sqlite TABLE ROWS.arrow [--no-rows]
"""

import argparse, sqlite3

import pyarrow as pa

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("file")
parser.add_argument("table")
parser.add_argument("rows")
parser.add_argument("--no-rows", action="store_true", help="only the columns")
options = parser.parse_args()

with pa.ipc.open_stream(options.rows) as stream:
    rows = stream.read_all()


def declared(field):
    names = {pa.int64(): "BIGINT", pa.bool_(): "BOOLEAN", pa.string(): "TEXT", pa.binary(): "BLOB"}
    # Not DECIMAL: SQLite would keep 15 digits of it.
    kind = names.get(field.type) or f"DECIMAL_TEXT({field.type.precision}, {field.type.scale})"
    return f'"{field.name}" {kind}{"" if field.nullable else " NOT NULL"}'


def stored(value):
    return format(value, "f") if hasattr(value, "as_tuple") else value


table = '"' + options.table.replace('"', '""') + '"'
with sqlite3.connect(options.file) as db:
    db.execute(f"CREATE TABLE {table} ({', '.join(map(declared, rows.schema))})")
    if not options.no_rows:
        values = ([stored(value) for value in row.values()] for row in rows.to_pylist())
        db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows.schema))})", values)
