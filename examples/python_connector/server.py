"""A SQLite file as a source of Headwater: docs/flight-protocol.md in Python. It pushes the choice of columns, `column =
integer` and limits, and reads a table in up to four parts by SQLite's rowid; the rest it leaves to the engine."""

import argparse, base64, contextlib, datetime, decimal, hashlib, hmac, json, re, secrets, sqlite3

import pyarrow as pa
from pyarrow import flight

KEY = secrets.token_bytes(32)  # Of this process: what it has signed is refused after a restart.
TYPES = {"REAL": pa.float64(), "BOOLEAN": pa.bool_(), "BLOB": pa.binary(), "DATE": pa.date32(),
         "TIMESTAMP": pa.timestamp("us")}  # Any other is text; but where there is INT in a name, SQLite means integers.
READ = {pa.bool_(): {0: False, 1: True}.__getitem__, pa.date32(): datetime.date.fromisoformat,
        pa.timestamp("us"): datetime.datetime.fromisoformat}

def failure(code, message):
    kinds = {"E0401": flight.FlightUnauthenticatedError, "E0402": flight.FlightUnauthorizedError}
    details = json.dumps({"code": code, "message": message}).encode()  # These the caller believes, not the status.
    return kinds.get(code, flight.FlightServerError)(message, extra_info=details)

def signed(purpose, text):
    return hmac.new(KEY, f"{purpose} {text}".encode(), hashlib.sha256).hexdigest() + text

def opened(purpose, handle):
    """Handles hold all that is needed later, SQL among it, and come from outside: only what we wrote is ever run."""
    if not hmac.compare_digest(signed(purpose, handle[64:]).encode(), handle.encode()):
        raise failure("E0402", f"this {purpose} was not made by this server")
    return json.loads(handle[64:])

def quoted(name):
    return '"' + name.replace('"', '""') + '"'

def number(kind, value):
    """SQLite keeps 15 digits of a DECIMAL, as binary floating point. Longer numbers are stored as text, in a column
    declared DECIMAL_TEXT: SQLite leaves text alone where the type has TEXT in its name."""
    if isinstance(value, float) and kind.precision > 15:
        raise ValueError("rounded when it was stored")
    return decimal.Decimal(str(value))

def batch(schema, rows):
    if not schema.names:  # Rows without columns are still rows.
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
    arrays = []
    for at, field in enumerate(schema):
        kind = field.type
        read = (lambda value: number(kind, value)) if pa.types.is_decimal(kind) else READ.get(kind, lambda value: value)
        try:  # SQLite stores anything anywhere. What does not fit is an error, never another value.
            arrays.append(pa.array([None if row[at] is None else read(row[at]) for row in rows], kind))
        except (pa.ArrowException, ArithmeticError, LookupError, TypeError, ValueError):
            raise failure("E0301", f"a value of column {field.name} is no {kind}") from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)

def condition(schema, wanted):
    match wanted:
        case {"compare": {"op": "eq", "left": {"column": name}, "right": {"literal": {"type": "int64", "value": it}}}}:
            if name in schema.names and schema.field(name).type == pa.int64():
                return f"{quoted(name)} = {int(it)}"

class Call(flight.ServerMiddleware):
    headers = {}

class Gate(flight.ServerMiddlewareFactory):
    def start_call(self, info, headers):
        call = Call()
        call.headers = {name: values[0] for name, values in headers.items()}
        if call.headers.get("headwater-protocol") != "1":
            raise failure("E0101", f"the server has protocol 1, the caller {call.headers.get('headwater-protocol')}")
        if self.expected and not hmac.compare_digest(call.headers.get("authorization", "").encode(), self.expected):
            raise failure("E0401", "a bearer token is needed, and it is not this one")
        return call

class Server(flight.FlightServerBase):
    def query(self, sql, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, check_same_thread=False)) as db:
            yield from db.execute(sql, values)

    def columns(self, table):
        fields = []
        sql = 'SELECT name, upper(type), "notnull" FROM pragma_table_xinfo(?) WHERE hidden <> 1'
        for name, declared, needed in self.query(sql, table):
            digits = re.fullmatch(r"DECIMAL(?:_TEXT)?\((\d+), *(\d+)\)", declared)
            kind = pa.decimal128(*map(int, digits.groups())) if digits else TYPES.get(declared)
            fields.append(pa.field(name, kind or (pa.int64() if "INT" in declared else pa.string()), not needed))
        return pa.schema(fields)

    def do_action(self, context, action):
        act = getattr(self, "act_" + action.type.removeprefix("headwater.").replace("-", "_"), None)
        if act is None:
            raise failure("E0202", f"there is no action {action.type}")
        asked = json.loads(action.body.to_pybytes() or b"{}")
        return [json.dumps({"version": 1, "end": True, **act(**asked)}).encode()]

    def act_describe(self, **_):
        return {"server": "sqlite example", "catalogs": [{"name": "sqlite", "kind": "sqlite"}]}

    def act_list_schemas(self, **_):
        return {"schemas": ["main"]}

    def act_list_tables(self, schema, **_):
        if schema != "main":
            raise failure("E0203", f"schema {schema} not found")
        # `wr` is WITHOUT ROWID: nothing to cut such a table by.
        names = self.query("SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT wr")
        return {"tables": [{"schema": schema, "table": name} for name, in names if not name.startswith("sqlite_")]}

    def act_get_table(self, table, **_):
        if table not in self.act_list_tables(table["schema"])["tables"]:
            raise failure("E0203", f"table {table['schema']}.{table['table']} not found")
        schema = self.columns(table["table"])
        # The rowid has three names, and a column that has one of them is meant instead of it.
        rowid = max({"rowid", "_rowid_", "oid"} - {name.lower() for name in schema.names})
        [(low, high)] = self.query(f"SELECT min({rowid}), max({rowid}) FROM {quoted(table['table'])}")
        cuts = [] if low is None else sorted({low + (high - low) * quarter // 4 for quarter in (1, 2, 3)})
        facts = {"name": table, "kind": "table", "schema": base64.b64encode(schema.serialize()).decode()}
        return {"handle": signed("table", json.dumps([table["table"], rowid, cuts])), "table": facts}

    def act_plan_scan(self, handle, request, **_):
        table, rowid, cuts = opened("table", handle)
        schema, limit, columns = self.columns(table), request.get("limit"), request.get("projection")
        columns = schema.names if columns is None else columns
        for name in set(columns) - set(schema.names):
            raise failure("E0203", f"column {name} not found in {table}")
        pushed = [condition(schema, wanted) for wanted in request.get("filters", [])]
        refused = {"answer": "refused", "reason": "the server compares whole numbers only, and only by ="}
        stop, stops = "", None  # A limit counts the rows that pass every filter, the engine's own too.
        if limit is not None and all(pushed):
            stop, stops = f" LIMIT {min(limit, 2**63 - 1)}", {"answer": "inexact", "reason": "each part stops there"}
        elif limit is not None:
            stops = {"answer": "refused", "reason": "the engine filters rows that have left the server"}
        # The outer parts are open: a row that is inserted later is read too, and none is read twice.
        inner = [f"{rowid} > {low} AND {rowid} <= {high}" for low, high in zip(cuts, cuts[1:])]
        parts = [f"{rowid} <= {cuts[0]}", *inner, f"{rowid} > {cuts[-1]}"] if cuts else ["true"]
        select = f"SELECT {', '.join(map(quoted, columns)) or 'NULL'} FROM {quoted(table)} WHERE "
        statements = [select + " AND ".join([*filter(None, pushed), part]) + stop for part in parts]
        return {"filters": [{"answer": "exact"} if sql else refused for sql in pushed], "limit": stops,
                "requests": [{"sql": sql} for sql in statements],
                "handle": signed("plan", json.dumps([table, columns, statements]))}

    def act_get_splits(self, handle, keys=None, **_):
        table, columns, statements = opened("plan", handle)
        decision = "not_offered"
        if keys:
            decision = {"declined": {"keys": len(keys["tuples"]), "reason": "the server takes no keys"}}
        if keys and not keys["tuples"]:  # The other side of the join is empty, and so is the answer.
            decision, statements = {"used": {"keys": 0}}, []
        ticket = lambda sql: signed("ticket", json.dumps([table, columns, sql]))
        return {"keys": decision, "splits": [{"ticket": ticket(sql), "request": {"sql": sql}} for sql in statements]}

    def do_get(self, context, ticket):
        table, columns, sql = opened("ticket", ticket.ticket.decode())
        known, headers = self.columns(table), context.get_middleware("call").headers
        schema = pa.schema([known.field(name) for name in columns])
        most = lambda what, usual: int(headers.get("headwater-max-batch-" + what, usual))
        return flight.GeneratorStream(schema, self.batches(schema, sql, most("rows", 8192), most("bytes", 2 << 20)))

    def batches(self, schema, sql, most_rows, most_bytes):
        """Steps the statement as the caller reads. One who cancels drops this generator, and with it the connection."""
        rows, size = [], 0
        for row in self.query(sql):
            rows.append(row)
            size += sum(4 * len(value) if isinstance(value, (str, bytes)) else 16 for value in row)
            if len(rows) >= most_rows or size > most_bytes:
                yield batch(schema, rows)
                rows, size = [], 0
        # The mark: without it the caller calls the answer cut.
        yield batch(schema, rows), json.dumps({"version": 1, "counted": {"requests": 1}, "end": True}).encode()

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="the SQLite file")
    parser.add_argument("--listen", default="127.0.0.1:8815", help="port 0 takes a free one")
    parser.add_argument("--token-file", type=argparse.FileType("rb"), help="holds the token that callers must show")
    options = parser.parse_args()
    gate = Gate()
    gate.expected = options.token_file and b"Bearer " + options.token_file.read().strip()
    server = Server(f"grpc://{options.listen}", middleware={"call": gate})
    server.file = options.file
    print(f"listening on grpc://{options.listen.rpartition(':')[0]}:{server.port}", flush=True)
    server.serve()
