"""A SQLite file as a source of Headwater: docs/flight-protocol.md in Python. It pushes the choice of columns, `column =
integer` and limits, and reads a table as one split; the rest it leaves to the engine."""

import argparse, base64, contextlib, hmac, json, re, sqlite3

import pyarrow as pa
from pyarrow import flight

TYPES = {"REAL": pa.float64(), "BOOLEAN": pa.bool_(), "BLOB": pa.binary(), "DATE": pa.date32(),
         "TIMESTAMP": pa.timestamp("us")}  # Any other is text; but where there is INT in a name, SQLite means integers.

def failure(code, message):
    kind = flight.FlightUnauthenticatedError if code == "E0401" else flight.FlightServerError
    return kind(message, extra_info=json.dumps({"code": code, "message": message}).encode())  # What callers go by.

def quoted(name):
    return '"' + name.replace('"', '""') + '"'

def batch(schema, rows):
    if not schema.names:  # Rows without columns are still rows.
        return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
    arrays = []
    for at, field in enumerate(schema):
        values, stored = [row[at] for row in rows], field.type
        if stored not in (pa.string(), pa.binary()):  # Arrow reads all others from text, and rounds nothing.
            values, stored = [None if value is None else str(value) for value in values], pa.string()
        try:  # SQLite stores anything anywhere. What does not fit is an error, never another value.
            arrays.append(pa.array(values, stored).cast(field.type))
        except (pa.ArrowException, TypeError, ValueError):
            raise failure("E0301", f"a value of column {field.name} is no {field.type}") from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)

def condition(schema, wanted):
    match wanted:
        case {"compare": {"op": "eq", "left": {"column": name}, "right": {"literal": {"type": "int64", "value": it}}}}:
            if name in schema.names and schema.field(name).type == pa.int64():
                return f"{quoted(name)} = {int(it)}"

class Call(flight.ServerMiddleware):
    def __init__(self, headers):
        self.headers = headers

class Gate(flight.ServerMiddlewareFactory):
    def start_call(self, info, headers):
        headers = {name: values[0] for name, values in headers.items()}
        if headers.get("headwater-protocol") != "1":
            raise failure("E0101", f"the server has protocol 1, the caller {headers.get('headwater-protocol')}")
        if self.expected and not hmac.compare_digest(headers.get("authorization", "").encode(), self.expected):
            raise failure("E0401", "a bearer token is needed, and it is not this one")
        return Call(headers)

class Server(flight.FlightServerBase):
    def query(self, sql, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, check_same_thread=False)) as db:
            yield from db.execute(sql, values)

    def columns(self, table):
        fields = []
        sql = 'SELECT name, upper(type), "notnull" FROM pragma_table_xinfo(?) WHERE hidden <> 1'
        for name, declared, needed in self.query(sql, table):
            # SQLite keeps 15 digits of a DECIMAL, but leaves text alone where the type has TEXT in its name.
            digits = re.fullmatch(r"DECIMAL(?:_TEXT\((\d+)|\((\d|1[0-5])), *(\d+)\)", declared)
            kind = pa.decimal128(*map(int, filter(None, digits.groups()))) if digits else TYPES.get(declared)
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
        names = self.query("SELECT name FROM pragma_table_list WHERE type = 'table'")
        return {"tables": [{"schema": schema, "table": name} for name, in names if not name.startswith("sqlite_")]}

    def act_get_table(self, table, **_):
        if table not in self.act_list_tables(table["schema"])["tables"]:
            raise failure("E0203", f"table {table['schema']}.{table['table']} not found")
        schema = base64.b64encode(self.columns(table["table"]).serialize()).decode()
        return {"handle": table["table"], "table": {"name": table, "kind": "table", "schema": schema}}

    def planned(self, table, request):
        """What is pushed, and the statement: made anew for each step, as handles and tickets come from outside. So they
        hold no SQL, and what they do hold is quoted or made a number."""
        self.act_get_table({"schema": "main", "table": table})  # Not one that is not listed.
        schema, limit, columns = self.columns(table), request.get("limit"), request.get("projection")
        columns = schema.names if columns is None else columns
        for name in set(columns) - set(schema.names):
            raise failure("E0203", f"column {name} not found in {table}")
        pushed = [condition(schema, wanted) for wanted in request.get("filters", [])]
        where = " AND ".join(filter(None, pushed)) or "true"
        # A limit counts the rows that pass every filter, the engine's own too.
        stop = f" LIMIT {min(int(limit), 2**63 - 1)}" if limit is not None and all(pushed) else ""
        sql = f"SELECT {', '.join(map(quoted, columns)) or 'NULL'} FROM {quoted(table)} WHERE {where}{stop}"
        return pa.schema([schema.field(name) for name in columns]), pushed, sql

    def act_plan_scan(self, handle, request, **_):
        _, pushed, sql = self.planned(handle, request)
        refused = {"answer": "refused", "reason": "the server compares whole numbers only, and only by ="}
        stops = {"answer": "exact"} if all(pushed) else {"answer": "refused", "reason": "the engine filters further"}
        return {"filters": [{"answer": "exact"} if known else refused for known in pushed],
                "limit": None if request.get("limit") is None else stops,
                "requests": [{"sql": sql}], "handle": json.dumps([handle, request])}

    def act_get_splits(self, handle, keys=None, **_):
        _, _, sql = self.planned(*json.loads(handle))
        splits, decision = [{"ticket": handle, "request": {"sql": sql}}], "not_offered"
        if keys:
            decision = {"declined": {"keys": len(keys["tuples"]), "reason": "the server takes no keys"}}
        return {"keys": decision, "splits": splits if keys is None or keys["tuples"] else []}  # No key wants no row.

    def do_get(self, context, ticket):
        schema, _, sql = self.planned(*json.loads(ticket.ticket))
        headers = context.get_middleware("call").headers
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
    Server.file, Gate.expected = options.file, options.token_file and b"Bearer " + options.token_file.read().strip()
    server = Server(f"grpc://{options.listen}", middleware={"call": Gate()})
    print(f"listening on grpc://{options.listen.rpartition(':')[0]}:{server.port}", flush=True)
    server.serve()
