"""DuckDB with its extensions for PostgreSQL and MySQL, which lie in packages of their own and need no network.

settings: threads; compression: whether MySQL's protocol is compressed (the extension's default);
          batches: record batches are dropped as they come, instead of a whole Arrow table.
"""

import glob
import os

import duckdb

import common


def extension(module, name):
    folder = os.path.dirname(__import__(module).__file__)
    return glob.glob(os.path.join(folder, "extensions", "*", name + ".duckdb_extension"))[0]


def connect(servers, settings):
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"SET threads = {int(settings.get('threads', 2))}")
    postgres, mariadb = servers["postgres"], servers["mariadb"]
    connection.execute(f"LOAD '{extension('duckdb_extension_postgres_scanner', 'postgres_scanner')}'")
    connection.execute(
        "ATTACH 'host={host} port={port} user={user} password={password} dbname={database} sslmode=disable' "
        "AS pg (TYPE postgres, READ_ONLY)".format(**postgres)
    )
    connection.execute(f"LOAD '{extension('duckdb_extension_mysql_scanner', 'mysql_scanner')}'")
    compression = settings.get("compression", "false") == "true"
    options = "" if compression else " compress=0"
    connection.execute(
        "ATTACH 'host={host} port={port} user={user} password={password} database={database} ssl_mode=disabled{options}' "
        "AS my (TYPE mysql, READ_ONLY)".format(options=options, **mariadb)
    )
    return connection


def drop_batches(connection, sql):
    rows = 0
    for batch in connection.execute(sql).fetch_record_batch(8192):
        rows += batch.num_rows
    return rows


def main():
    task = common.task()
    work, settings = task["work"], task["work"]["settings"]
    connection = connect(task["servers"], settings)
    sql = work["sql"]
    if work["rows"]:
        ask = lambda: connection.execute(sql).fetchall()
        answer, seconds = common.timed(ask)
        again = common.timed(ask)[1] if work["twice"] else None
        common.tell(seconds, rows=len(answer), again=again, answer=answer)
    elif settings.get("batches") == "true" and not task["verify"]:
        rows, seconds = common.timed(lambda: drop_batches(connection, sql))
        common.tell(seconds, rows=rows)
    else:
        table, seconds = common.timed(lambda: connection.execute(sql).fetch_arrow_table())
        common.tell(seconds, table, verify=task["verify"])


main()
