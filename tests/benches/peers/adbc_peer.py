"""Arrow's own driver for PostgreSQL (ADBC), to an Arrow table. It gives numeric as text."""

import adbc_driver_postgresql.dbapi

import common


def main():
    task = common.task()
    server = task["servers"]["postgres"]
    url = "postgresql://{user}:{password}@{host}:{port}/{database}?sslmode=disable".format(**server)
    with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:

        def ask():
            cursor.execute(task["work"]["sql"])
            return cursor.fetch_arrow_table()

        table, seconds = common.timed(ask)
        common.tell(seconds, table, verify=task["verify"])


main()
